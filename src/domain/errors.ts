/**
 * The one error vocabulary. `message` is for people on GitHub: what was found, what was expected, where, what to do.
 * `detail` is for the operator's log and may name paths; neither may hold a secret.
 */
export type ErrorKind =
  | 'command' // a comment that could not be understood or may not command
  | 'configuration' // the operator's or the repository's settings
  | 'plan' // a plan that cannot be carried out
  | 'script' // the orchestration script
  | 'agent' // a conversation with the model that did not end well
  | 'model' // the model service
  | 'github' // GitHub's answer
  | 'git' // a git command
  | 'sandbox' // a command of the repository could not be run at all
  | 'journal'; // the store

export interface ErrorFacts {
  readonly detail?: string;
  /** `later`: the same call may succeed when made again; nothing has been settled by it. */
  readonly retry?: 'never' | 'later';
  readonly cause?: unknown;
}

export class ConvergeError extends Error {
  readonly kind: ErrorKind;
  readonly detail: string | undefined;
  readonly retry: 'never' | 'later';

  constructor(kind: ErrorKind, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'ConvergeError';
    this.kind = kind;
    this.detail = facts.detail;
    this.retry = facts.retry ?? 'never';
  }
}

/**
 * Thrown to unwind a run that must wait: a limit reached, the model service down, the process stopping.
 * It settles nothing: calls in flight stay pending and go on at the next resume.
 */
export class Suspended extends Error {
  readonly reason: PauseReason;

  constructor(reason: PauseReason, message: string) {
    super(message);
    this.name = 'Suspended';
    this.reason = reason;
  }
}

export type PauseReason =
  | 'budget' // a limit of the run, or of all runs in a month, is reached
  | 'spending-limit' // the model account's own limit
  | 'authentication' // the model key is refused
  | 'model-down' // the model service does not answer
  | 'person' // a person asked for it, or is asked; goes on when a person says so
  | 'switched-off' // the operator's switch; goes on by itself when it is switched on again
  | 'not-allowed' // the operator took the repository off the list; goes on by itself at a start that has it again
  | 'stopping' // this process was told to end; resumes by itself at the next start
  | 'storage' // the journal cannot be written
  | 'fault'; // something that may pass: GitHub or this machine; tried again by itself

/** The text of anything thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
