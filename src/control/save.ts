import { pushOnce } from '../converge/push.ts';
import { saveBranch } from '../domain/branch.ts';
import type { Command } from '../domain/command.ts';
import { ConvergeError } from '../domain/errors.ts';
import { toJson } from '../domain/json.ts';
import { peopleOf } from '../domain/people.ts';
import type { Plan } from '../domain/plan.ts';
import { savedPath } from '../domain/saved-script.ts';
import type { Repository } from '../git/workspace.ts';
import type { Hub } from '../github/hub.ts';
import { trusted } from '../journal/trusted.ts';
import { line } from '../report/markdown.ts';
import { savedBody, savedCommitMessage, savedTitle, type SavedFacts } from '../report/saved.ts';
import { findSecrets } from '../secrets/find-secrets.ts';
import { savedFile } from '../script/saved-file.ts';
import { lastRun } from './current-run.ts';
import { refuse, scopeOf, type Answer, type Asked, type Desk } from './desk.ts';

/** A person may push to the branch meanwhile; then it is done again on top of that, this often at most. */
const ATTEMPTS = 3;

/**
 * A small pull request that adds the run's script, with the plan's draft, to the default branch. Every act is an effect under the comment or the run, so that the command
 * comes to the same when it is carried out again.
 */
export async function save(desk: Desk, asked: Asked, { script: name }: Extract<Command, { name: 'save' }>): Promise<Answer> {
  const found = await lastRun(desk, asked);
  if (found === null) return refuse('There is no run here whose script could be saved. `/workflow migrate <task>` starts one.');
  const { run, view } = found;
  if (view.plan === null || view.planComment === null)
    return refuse('There is no plan to save yet: its comment comes first. Read it, then save its script.');
  const hub = desk.hubOf(asked);
  const { defaultBranch } = await hub.repository();
  const path = savedPath(name);
  const text = textOf(view.plan, name);
  const there = await hub.file(path, defaultBranch);
  if (there === text) return `\`${path}\` on \`${defaultBranch}\` is this very script already: \`/workflow run ${name} [args]\` runs it.`;
  const [secret] = await findSecrets(text);
  if (secret !== undefined)
    return `Nothing was saved: the script or its plan holds what looks like a secret (${secret.what}), and a file of the repository is for all to read. \`/workflow revise\` the plan so that it does without, then say \`save\` again.`;
  const facts: SavedFacts = { name, path, run, number: asked.number, title: view.plan.draft.title, replaces: there !== null };
  const repository = await desk.repositoryOf(asked);
  const branch = saveBranch(run, name);
  const problem = await pushed({ desk, asked, hub, repository }, { branch, defaultBranch, path, text, message: savedCommitMessage(facts) });
  if (problem !== null) return refuse(problem);
  const pullRequest = await opened(hub, { run, name, head: branch, base: defaultBranch, title: savedTitle(facts), body: savedBody(facts) });
  return `Saved as \`${path}\` in pull request #${pullRequest}${there === null ? '' : ', which replaces the script of that name'}. Once it is merged, \`/workflow run ${name} [args]\` plans with it.`;
}

/** The plan's own words and nothing of its run: no limits, no people, no configuration. */
function textOf(plan: Plan, name: string): string {
  const { script: _resolved, ...draft } = plan.draft;
  return savedFile({ script: plan.script, draft: toJson(draft), name });
}

interface Tools {
  readonly desk: Desk;
  readonly asked: Asked;
  readonly hub: Hub;
  readonly repository: Repository;
}

interface Addition {
  readonly branch: string;
  readonly defaultBranch: string;
  readonly path: string;
  readonly text: string;
  readonly message: string;
}

/** What the commit is made on, decided once for each attempt: then every process makes the same commit. */
interface Onto {
  readonly base: string;
  readonly tip: string | null;
  /** The branch has this very text already. */
  readonly same: boolean;
}

/** Null, or why not, in words. */
async function pushed({ desk, asked, hub, repository }: Tools, file: Addition): Promise<string | null> {
  const scope = scopeOf(asked);
  // The mirror holds what it needs under a name of its own for as long as this takes.
  const hold = `save-${asked.comment}`;
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      const onto = await ontoOf({ desk, asked, hub, repository }, { file, attempt });
      if (onto.same) return null;
      const [first] = await desk.journal.events(scope);
      if (first === undefined) throw new ConvergeError('journal', `Found no record of ${scope} in the journal, expected its first effect.`);
      const { tree: base } = await repository.pin({ run: hold, commit: onto.base });
      if (onto.tip !== null) {
        await repository.fetchBranch({ run: hold, branch: file.branch });
        const people = peopleOf(await repository.commitsBetween(onto.base, onto.tip), (await hub.bot()).email);
        if (people.length > 0) return kept(file, people);
      }
      const tree = onto.tip === null ? base : await repository.treeOf(onto.tip);
      const commit = await repository.commit({
        message: file.message,
        parents: [onto.tip ?? onto.base],
        tree: await repository.layer(tree, [[{ path: file.path, mode: '100644', content: { utf8: file.text } }]]),
        date: first.at,
      });
      const result = await pushOnce(
        { run: scope, journal: desk.journal, repository },
        { key: `push/save/${attempt}`, commit, branch: file.branch },
      );
      if (result.kind === 'pushed' || result.kind === 'already') return null;
      if (result.kind === 'refused') return refused(file.branch, result.reason);
    }
  } finally {
    await repository.release(hold);
  }
  return `The branch \`${file.branch}\` moved ${ATTEMPTS} times while the script was being saved. Say \`save\` again when nobody pushes to it.`;
}

async function ontoOf(
  { desk, asked, hub, repository }: Tools,
  { file, attempt }: { readonly file: Addition; readonly attempt: number },
): Promise<Onto> {
  const key = `save/onto/${attempt}`;
  const intent = await desk.journal.intend(scopeOf(asked), key, { save: file.path });
  if (intent.done) return trusted<Onto>().parse(intent.result);
  const base = await hub.branchHead(file.defaultBranch);
  if (base === null)
    throw new ConvergeError('github', `Found no branch \`${file.defaultBranch}\`, expected the repository's default branch.`);
  const tip = await repository.remoteHead(file.branch);
  const onto: Onto = { base, tip, same: tip !== null && (await hub.file(file.path, tip)) === file.text };
  await desk.journal.done(scopeOf(asked), key, { ...onto });
  return onto;
}

/** What people changed on the branch may be this very script: it is theirs. */
function kept({ branch, path }: Addition, people: readonly string[]): string {
  return `Nothing was saved: \`${branch}\` holds commits of ${people.map((name) => line(name, 60)).join(', ')}, and Converge writes over nobody's work. Merge that branch's pull request, or change \`${path}\` there, or save under another name.`;
}

function refused(branch: string, reason: string): string {
  return `GitHub refused the push to \`${branch}\`: ${reason}. Expected that the App may write contents there. Check the App's permissions and the rules of the branch, then say \`save\` again.`;
}

interface Opening {
  readonly run: string;
  readonly name: string;
  readonly head: string;
  readonly base: string;
  readonly title: string;
  readonly body: string;
}

/** The open pull request of the branch: the one that is there, or a new one where that was merged or closed. */
async function opened(hub: Hub, { run, name, head, base, title, body }: Opening): Promise<number> {
  for (let round = 1; ; round += 1) {
    const { number } = await hub.openPullRequest(run, `save/${name}/${round}`, { title, head, base, body });
    const { state } = await hub.pullRequest(number);
    if (state !== 'open') continue;
    await hub.markReady(number);
    return number;
  }
}
