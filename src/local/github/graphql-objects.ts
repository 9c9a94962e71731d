import { commitOf } from './git.ts';
import { iso, isoOrNull, nodeId } from './json.ts';
import { latestRunsOf, latestStatuses } from './present/checks.ts';
import { commentsOf } from './present/issues.ts';
import type { Site } from './site.ts';
import type { Account, CheckRun, CheckSuite, CommitStatus, Issue, IssueComment, Repository } from './state.ts';
import { fullName } from './state.ts';
import type { PullSubject } from './routes/pulls.ts';

type GraphScalar = string | number | boolean | null;
export type GraphValue = GraphScalar | GraphNode | readonly GraphNode[];
type Resolver = (args: Readonly<Record<string, unknown>>) => GraphValue | Promise<GraphValue>;

/** An object of the graph: its type and how each of its fields is found. */
export interface GraphNode {
  readonly type: string;
  readonly interfaces?: readonly string[];
  readonly fields: Readonly<Record<string, Resolver>>;
}

export function userNode(site: Site, account: Account): GraphNode {
  return {
    type: account.type,
    interfaces: ['Actor'],
    fields: {
      id: () => nodeId(account.type === 'Bot' ? 'BOT' : 'U', account.id),
      databaseId: () => account.id,
      // GraphQL tells bots without the suffix of the REST API.
      login: () => account.login.replace(/\[bot\]$/, ''),
      url: () => `${site.url}/${account.login}`,
    },
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The first or last part of a list, as connections give it. */
function connection(type: string, all: readonly GraphNode[], args: Readonly<Record<string, unknown>>): GraphNode {
  const first = typeof args['first'] === 'number' ? args['first'] : 100;
  const from = typeof args['after'] === 'string' ? Number(Buffer.from(args['after'], 'base64url').toString('utf8')) : 0;
  const page = typeof args['last'] === 'number' ? all.slice(-args['last']) : all.slice(from, from + first);
  const end = from + page.length;
  const info: GraphNode = {
    type: 'PageInfo',
    fields: {
      hasNextPage: () => typeof args['last'] !== 'number' && end < all.length,
      hasPreviousPage: () => from > 0,
      endCursor: () => (page.length === 0 ? null : Buffer.from(String(end)).toString('base64url')),
      startCursor: () => (page.length === 0 ? null : Buffer.from(String(from)).toString('base64url')),
    },
  };
  return { type: `${type}Connection`, fields: { nodes: () => page, totalCount: () => all.length, pageInfo: () => info } };
}

export function repositoryNode(site: Site, repository: Repository): GraphNode {
  const issue = (number: unknown): Issue | undefined => repository.issues.get(Number(number));
  return {
    type: 'Repository',
    interfaces: ['Node'],
    fields: {
      id: () => nodeId('R', repository.id),
      databaseId: () => repository.id,
      name: () => repository.name,
      nameWithOwner: () => fullName(repository),
      url: () => `${site.url}/${fullName(repository)}`,
      isPrivate: () => repository.private,
      pullRequest: ({ number }) => {
        const found = issue(number);
        return found?.pull ? pullNode(site, repository, { issue: found, pull: found.pull }) : null;
      },
      issue: ({ number }) => {
        const found = issue(number);
        return found && !found.pull ? issueNode(site, repository, found) : null;
      },
      object: async ({ oid, expression }) => {
        const sha = await commitOf(site.git, repository.directory, textOf(oid) ?? textOf(expression) ?? '');
        return sha === null ? null : commitNode(site, repository, sha);
      },
    },
  };
}

export function issueNode(site: Site, repository: Repository, issue: Issue): GraphNode {
  return {
    type: 'Issue',
    interfaces: ['Node'],
    fields: { ...issueFields(site, repository, issue), id: () => nodeId('I', issue.id), databaseId: () => issue.id },
  };
}

function issueFields(site: Site, repository: Repository, issue: Issue): GraphNode['fields'] {
  return {
    number: () => issue.number,
    title: () => issue.title,
    body: () => issue.body ?? '',
    state: () => issue.state.toUpperCase(),
    url: () => `${site.url}/${fullName(repository)}/${issue.pull ? 'pull' : 'issues'}/${issue.number}`,
    author: () => userNode(site, issue.author),
    createdAt: () => iso(issue.createdAt),
    updatedAt: () => iso(issue.updatedAt),
    closedAt: () => isoOrNull(issue.closedAt),
    comments: (args) =>
      connection(
        'IssueComment',
        commentsOf(site, repository, issue.number).map((one) => commentNode(site, one)),
        args,
      ),
  };
}

export function pullNode(site: Site, repository: Repository, { issue, pull }: PullSubject): GraphNode {
  return {
    type: 'PullRequest',
    interfaces: ['Node'],
    fields: {
      ...issueFields(site, repository, issue),
      id: () => nodeId('PR', pull.id),
      databaseId: () => pull.id,
      state: () => (pull.merged ? 'MERGED' : issue.state.toUpperCase()),
      isDraft: () => pull.draft,
      merged: () => pull.merged !== null,
      headRefName: () => pull.headRef,
      headRefOid: () => pull.headSha,
      baseRefName: () => pull.baseRef,
      closingIssuesReferences: (args) => {
        const linked = pull.closes.map((number) => repository.issues.get(number)).filter((one) => one !== undefined);
        return connection(
          'Issue',
          linked.map((one) => issueNode(site, repository, one)),
          args,
        );
      },
    },
  };
}

export function commentNode(site: Site, comment: IssueComment): GraphNode {
  return {
    type: 'IssueComment',
    interfaces: ['Node', 'Comment', 'Minimizable'],
    fields: {
      id: () => nodeId('IC', comment.id),
      databaseId: () => comment.id,
      body: () => comment.body,
      author: () => userNode(site, comment.author),
      isMinimized: () => comment.minimized !== null,
      minimizedReason: () => comment.minimized,
      createdAt: () => iso(comment.createdAt),
    },
  };
}

function commitNode(site: Site, repository: Repository, sha: string): GraphNode {
  return {
    type: 'Commit',
    interfaces: ['Node', 'GitObject'],
    fields: {
      oid: () => sha,
      abbreviatedOid: () => sha.slice(0, 7),
      url: () => `${site.url}/${fullName(repository)}/commit/${sha}`,
      statusCheckRollup: () => rollupNode(site, repository, sha),
    },
  };
}

/** All check runs and statuses of a commit; null when there are none, which means nothing. */
function rollupNode(site: Site, repository: Repository, sha: string): GraphNode | null {
  const suites = [...site.state.checkSuites.values()].filter((one) => one.repository === repository && one.headSha === sha);
  const runs = suites.flatMap((suite) => latestRunsOf(site, suite));
  const statuses = latestStatuses(site, repository, sha);
  if (runs.length + statuses.length === 0) return null;
  const states = new Set([...runs.map(stateOfRun), ...statuses.map((one) => one.state.toUpperCase())]);
  const contexts = [...runs.map((run) => runNode(site, run)), ...statuses.map((one) => statusNode(one))];
  return {
    type: 'StatusCheckRollup',
    interfaces: ['Node'],
    fields: {
      id: () => `SCR_${sha}`,
      state: () => ['ERROR', 'FAILURE', 'PENDING'].find((one) => states.has(one)) ?? 'SUCCESS',
      contexts: (args) => connection('StatusCheckRollupContext', contexts, args),
    },
  };
}

function stateOfRun(run: CheckRun): string {
  if (run.status !== 'completed') return 'PENDING';
  return run.conclusion === 'success' || run.conclusion === 'neutral' || run.conclusion === 'skipped' ? 'SUCCESS' : 'FAILURE';
}

function isRequired(repository: Repository, name: string): Resolver {
  return ({ pullRequestNumber }) => {
    const pull = repository.issues.get(Number(pullRequestNumber))?.pull;
    return pull ? (repository.requiredChecks.get(pull.baseRef)?.includes(name) ?? false) : false;
  };
}

function runNode(site: Site, run: CheckRun): GraphNode {
  const { repository } = run.suite;
  const page = `${site.url}/${fullName(repository)}/runs/${run.id}`;
  return {
    type: 'CheckRun',
    interfaces: ['Node'],
    fields: {
      id: () => nodeId('CR', run.id),
      databaseId: () => run.id,
      name: () => run.name,
      status: () => run.status.toUpperCase(),
      conclusion: () => run.conclusion?.toUpperCase() ?? null,
      detailsUrl: () => run.detailsUrl ?? page,
      url: () => page,
      permalink: () => page,
      title: () => run.output.title,
      summary: () => run.output.summary,
      text: () => run.output.text,
      externalId: () => run.externalId,
      startedAt: () => iso(run.startedAt),
      completedAt: () => isoOrNull(run.completedAt),
      checkSuite: () => suiteNode(run.suite),
      isRequired: isRequired(repository, run.name),
    },
  };
}

function suiteNode(suite: CheckSuite): GraphNode {
  const { app } = suite;
  const fields = { id: () => nodeId('A', app.id), databaseId: () => app.id, slug: () => app.slug, name: () => app.name };
  return {
    type: 'CheckSuite',
    fields: { id: () => nodeId('CS', suite.id), databaseId: () => suite.id, workflowRun: () => null, app: () => ({ type: 'App', fields }) },
  };
}

function statusNode(status: CommitStatus): GraphNode {
  return {
    type: 'StatusContext',
    interfaces: ['Node'],
    fields: {
      id: () => nodeId('SC', status.id),
      context: () => status.context,
      state: () => status.state.toUpperCase(),
      description: () => status.description,
      targetUrl: () => status.targetUrl,
      createdAt: () => iso(status.createdAt),
      isRequired: isRequired(status.repository, status.context),
    },
  };
}
