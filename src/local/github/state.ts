/**
 * Everything the local GitHub knows that is not in git: read this file first. Refs, commits, files and diffs are never here;
 * the bare repositories are the only truth for those. Times are milliseconds since the epoch, taken from the server's clock.
 */

/** A person's role in a repository; `maintain` and `triage` are told as write and read, as GitHub does. */
export type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none';

export type PermissionLevel = 'read' | 'write';

/** An App's permissions by GitHub's names: `contents`, `issues`, `pull_requests`, `checks`, `workflows` … */
export type Permissions = Readonly<Record<string, PermissionLevel>>;

export interface Account {
  id: number;
  login: string;
  type: 'User' | 'Organization' | 'Bot';
}

export interface App {
  id: number;
  slug: string;
  name: string;
  /** Null: an App that hears nothing. */
  webhook: { url: string; secret: string } | null;
  permissions: Permissions;
  events: readonly string[];
  /** PEM; null for an App that never signs in. */
  publicKey: string | null;
  bot: Account;
  createdAt: number;
}

export interface Installation {
  id: number;
  app: App;
  account: Account;
  repositoryIds: Set<number>;
  createdAt: number;
}

type Token =
  | { kind: 'user'; account: Account }
  | { kind: 'installation'; installation: Installation; permissions: Permissions; repositoryIds: ReadonlySet<number>; expiresAt: number };

export interface Repository {
  id: number;
  owner: Account;
  name: string;
  /** The bare repository on disk. */
  directory: string;
  defaultBranch: string;
  private: boolean;
  /** Repository this one was forked from. */
  parent: Repository | null;
  /** Whether pushed commits get CI. */
  ci: boolean;
  roles: Map<number, Role>;
  /** Names of required checks by branch, told by `GET /rules/branches/{branch}`. */
  requiredChecks: Map<string, readonly string[]>;
  lastNumber: number;
  /** Issues and pull requests by number: they share one sequence. */
  issues: Map<number, Issue>;
  createdAt: number;
  pushedAt: number;
}

export interface Authored {
  id: number;
  author: Account;
  /** The App in whose name an installation token wrote it. */
  viaApp: App | null;
  createdAt: number;
  updatedAt: number;
}

export interface Issue extends Authored {
  number: number;
  title: string;
  body: string | null;
  state: 'open' | 'closed';
  stateReason: 'completed' | 'not_planned' | 'reopened' | null;
  labels: readonly string[];
  closedAt: number | null;
  closedBy: Account | null;
  /** Null: an issue that is no pull request. */
  pull: Pull | null;
}

export interface Pull {
  id: number;
  headRepository: Repository;
  headRef: string;
  headSha: string;
  baseRef: string;
  draft: boolean;
  merged: { at: number; by: Account; sha: string } | null;
  /** The base branch's tip when the pull request was closed or merged; open ones follow the branch. */
  closedBaseSha: string | null;
  /** Issues that its body closes with a keyword. */
  closes: readonly number[];
}

export interface IssueComment extends Authored {
  repository: Repository;
  issueNumber: number;
  body: string;
  /** Classifier, when somebody minimized it. */
  minimized: string | null;
}

export type ReviewState = 'APPROVED' | 'CHANGES_REQUESTED' | 'COMMENTED' | 'PENDING' | 'DISMISSED';

export interface Review extends Authored {
  repository: Repository;
  pullNumber: number;
  body: string;
  state: ReviewState;
  commitSha: string;
}

export type Side = 'LEFT' | 'RIGHT';

export interface ReviewComment extends Authored {
  repository: Repository;
  pullNumber: number;
  review: Review;
  path: string;
  body: string;
  line: number;
  side: Side;
  startLine: number | null;
  startSide: Side | null;
  commitSha: string;
  diffHunk: string;
}

export interface CheckSuite {
  id: number;
  repository: Repository;
  app: App;
  headSha: string;
  headBranch: string | null;
  createdAt: number;
  updatedAt: number;
}

export type CheckStatus = 'queued' | 'in_progress' | 'completed';
export type CheckConclusion = 'success' | 'failure' | 'neutral' | 'cancelled' | 'skipped' | 'timed_out' | 'action_required';

interface CheckOutput {
  title: string | null;
  summary: string | null;
  text: string | null;
}

interface Annotation {
  path: string;
  start_line: number;
  end_line: number;
  start_column?: number | undefined;
  end_column?: number | undefined;
  annotation_level: 'notice' | 'warning' | 'failure';
  message: string;
  title?: string | undefined;
  raw_details?: string | undefined;
}

interface CheckAction {
  label: string;
  description: string;
  identifier: string;
}

export interface CheckRun {
  id: number;
  suite: CheckSuite;
  name: string;
  status: CheckStatus;
  conclusion: CheckConclusion | null;
  externalId: string;
  detailsUrl: string | null;
  startedAt: number;
  completedAt: number | null;
  output: CheckOutput;
  annotations: Annotation[];
  actions: readonly CheckAction[];
}

type StatusState = 'error' | 'failure' | 'pending' | 'success';

export interface CommitStatus {
  id: number;
  repository: Repository;
  sha: string;
  state: StatusState;
  context: string;
  description: string | null;
  targetUrl: string | null;
  creator: Account;
  createdAt: number;
}

export interface Reaction {
  id: number;
  on: 'issue' | 'comment';
  /** Id of the issue or comment, not its number. */
  subjectId: number;
  user: Account;
  content: string;
  createdAt: number;
}

/** One attempt to deliver a webhook; a redelivery is a new one with the same guid. */
export interface Delivery {
  id: number;
  guid: string;
  app: App;
  event: string;
  action: string | null;
  installationId: number | null;
  repositoryId: number | null;
  redelivery: boolean;
  deliveredAt: number;
  /** Milliseconds until the answer, null while there is none. */
  duration: number | null;
  /** HTTP status of the answer; 0: no answer; null: still under way. */
  statusCode: number | null;
  payload: string;
}

/** Something that was done to an issue or a pull request: opened, closed, reopened, ready_for_review, synchronize … */
interface Happening {
  repository: Repository;
  number: number;
  /** As webhooks call it. */
  action: string;
  actor: Account;
  at: number;
  /** The pull request's head since then; null for issues. */
  headSha: string | null;
}

export interface State {
  accounts: Map<number, Account>;
  apps: Map<number, App>;
  installations: Map<number, Installation>;
  tokens: Map<string, Token>;
  repositories: Map<number, Repository>;
  comments: Map<number, IssueComment>;
  reviews: Map<number, Review>;
  reviewComments: Map<number, ReviewComment>;
  checkSuites: Map<number, CheckSuite>;
  checkRuns: Map<number, CheckRun>;
  statuses: CommitStatus[];
  reactions: Map<number, Reaction>;
  deliveries: Map<number, Delivery>;
  happenings: Happening[];
  lastId: number;
}

/** The state as everybody but the local GitHub sees it. */
export type DeepReadonly<T> =
  T extends ReadonlyMap<infer K, infer V>
    ? ReadonlyMap<K, DeepReadonly<V>>
    : T extends ReadonlySet<infer V>
      ? ReadonlySet<DeepReadonly<V>>
      : T extends object
        ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
        : T;

export type StateView = DeepReadonly<State>;

export function createState(): State {
  return {
    accounts: new Map(),
    apps: new Map(),
    installations: new Map(),
    tokens: new Map(),
    repositories: new Map(),
    comments: new Map(),
    reviews: new Map(),
    reviewComments: new Map(),
    checkSuites: new Map(),
    checkRuns: new Map(),
    statuses: [],
    reactions: new Map(),
    deliveries: new Map(),
    happenings: [],
    lastId: 1000,
  };
}

/** A number no other thing of this server has. */
export function nextId(state: State): number {
  state.lastId += 1;
  return state.lastId;
}

/** Logins are compared without case, as GitHub does. */
export function findAccount(state: State, login: string): Account | undefined {
  return [...state.accounts.values()].find((account) => account.login.toLowerCase() === login.toLowerCase());
}

export function findRepository(state: State, owner: string, name: string): Repository | undefined {
  const wanted = `${owner}/${name}`.toLowerCase();
  return [...state.repositories.values()].find((one) => fullName(one).toLowerCase() === wanted);
}

export function fullName(repository: DeepReadonly<Repository>): string {
  return `${repository.owner.login}/${repository.name}`;
}

/** The role a person really has: owners administer, everybody reads what is public. */
export function roleOf(repository: DeepReadonly<Repository>, account: DeepReadonly<Account>): Role {
  if (repository.owner.id === account.id) return 'admin';
  const given = repository.roles.get(account.id) ?? 'none';
  return given === 'none' && !repository.private ? 'read' : given;
}
