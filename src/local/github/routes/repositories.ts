import type { Access } from '../auth.ts';
import { accountNamed } from '../auth.ts';
import { branches, commitOf } from '../git.ts';
import { commitJson, readCommits } from '../present/commits.ts';
import { nodeId } from '../json.ts';
import { repositoryJson, userJson } from '../present/people.ts';
import { Problem, notFound } from '../problem.ts';
import { moveBranches } from '../pushes.ts';
import type { Answer, RepositoryCall, Route } from '../router.ts';
import { EMPTY, listOf, namedListOf, ok, onRepository, param, writerOf } from '../router.ts';
import type { Role } from '../state.ts';
import { fullName, roleOf } from '../state.ts';

const METADATA: Access = { app: ['metadata:read'], user: 'read' };
const CONTENTS: Access = { app: ['contents:read'], user: 'read' };

/** GitHub's old permission of a role: `maintain` is write, `triage` is read. */
function permissionOf(role: Role): string {
  if (role === 'maintain') return 'write';
  return role === 'triage' ? 'read' : role;
}

function collaboratorPermission(call: RepositoryCall): Answer {
  const account = accountNamed(call.site.state, param(call, 'login'));
  const role = roleOf(call.repository, account);
  const permission = permissionOf(role);
  return ok({ permission, role_name: role, user: { ...userJson(call.site, account), permissions: { pull: permission !== 'none' } } });
}

/** The full name of a ref given as `heads/main` or `tags/v1`, and what it points at. */
async function refOf(call: RepositoryCall): Promise<{ ref: string; sha: string } | null> {
  const ref = `refs/${param(call, 'ref')}`;
  const result = await call.site.git.run(call.repository.directory, ['rev-parse', '--verify', '--quiet', '--end-of-options', ref]);
  return result.exitCode === 0 ? { ref, sha: result.stdout.toString('utf8').trim() } : null;
}

async function getRef(call: RepositoryCall): Promise<Answer> {
  const found = await refOf(call);
  if (!found) throw notFound();
  const { ref, sha } = found;
  const api = `${call.site.apiUrl}/repos/${fullName(call.repository)}`;
  const object = { type: 'commit', sha, url: `${api}/git/commits/${sha}` };
  return ok({ ref, node_id: nodeId('REF', Number.parseInt(sha.slice(0, 12), 16)), url: `${api}/git/${ref}`, object });
}

async function deleteRef(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const found = await refOf(call);
  if (!found || !/^refs\/(heads|tags)\//.test(found.ref)) throw new Problem(422, 'Reference does not exist');
  if (found.ref === `refs/heads/${repository.defaultBranch}`) throw new Problem(422, 'Cannot delete the default branch');
  const move = (): Promise<string> => site.git.text(repository.directory, ['update-ref', '-d', found.ref, found.sha]);
  await moveBranches(site, repository, { sender: writerOf(call).author, move });
  return EMPTY;
}

async function getBranch(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const name = param(call, 'branch');
  const sha = await commitOf(site.git, repository.directory, `refs/heads/${name}`);
  const [commit] = sha === null ? [] : await readCommits(site, repository, ['--max-count=1', sha]);
  if (!commit) throw new Problem(404, 'Branch not found');
  const contexts = repository.requiredChecks.get(name) ?? [];
  const self = `${site.apiUrl}/repos/${fullName(repository)}/branches/${encodeURIComponent(name)}`;
  return ok({
    name,
    commit: commitJson(site, repository, commit),
    _links: { self, html: `${site.url}/${fullName(repository)}/tree/${name}` },
    protected: contexts.length > 0,
    protection: {
      enabled: contexts.length > 0,
      required_status_checks: { enforcement_level: contexts.length > 0 ? 'everyone' : 'off', contexts },
    },
    protection_url: `${self}/protection`,
  });
}

async function listBranches(call: RepositoryCall): Promise<Answer> {
  const { site, repository } = call;
  const all = [...(await branches(site.git, repository.directory))];
  return listOf(call, all, ([name, sha]) => ({
    name,
    commit: { sha, url: `${site.apiUrl}/repos/${fullName(repository)}/commits/${sha}` },
    protected: repository.requiredChecks.has(name),
  }));
}

/** The rules of rulesets that hold for a branch: here, required checks only. */
function branchRules(call: RepositoryCall): Promise<Answer> {
  const contexts = call.repository.requiredChecks.get(param(call, 'branch')) ?? [];
  const source = { ruleset_source_type: 'Repository', ruleset_source: fullName(call.repository), ruleset_id: 1 };
  const parameters = {
    required_status_checks: contexts.map((context) => ({ context })),
    strict_required_status_checks_policy: false,
  };
  return listOf(call, contexts.length > 0 ? [{ type: 'required_status_checks', ...source, parameters }] : [], (rule) => rule);
}

function getRepository(call: RepositoryCall): Answer {
  const { site, caller, repository } = call;
  return ok(repositoryJson(site, repository, caller.kind === 'user' ? caller.account : undefined));
}

export const repositoryRoutes: readonly Route[] = [
  onRepository({ method: 'GET', pattern: '', access: METADATA, answer: getRepository }),
  onRepository({
    method: 'GET',
    pattern: '/collaborators/:login/permission',
    access: { app: ['metadata:read'], user: 'write' },
    answer: collaboratorPermission,
  }),
  onRepository({ method: 'GET', pattern: '/git/ref/*ref', access: CONTENTS, answer: getRef }),
  onRepository({ method: 'DELETE', pattern: '/git/refs/*ref', access: { app: ['contents:write'], user: 'write' }, answer: deleteRef }),
  onRepository({ method: 'GET', pattern: '/branches', access: CONTENTS, answer: listBranches }),
  onRepository({ method: 'GET', pattern: '/branches/*branch', access: CONTENTS, answer: getBranch }),
  onRepository({ method: 'GET', pattern: '/rules/branches/*branch', access: METADATA, answer: branchRules }),
  onRepository({
    method: 'GET',
    pattern: '/actions/runs',
    access: { app: ['actions:read'], user: 'read' },
    // The local CI reports check runs of its own App; there are no Actions.
    answer: (call) => namedListOf(call, [], { key: 'workflow_runs', show: () => null }),
  }),
];
