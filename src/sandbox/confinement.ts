/** Something of the host that a command sees read-only in its checkout. `at` is relative to the checkout's root and was checked. */
export interface Mount {
  readonly from: string;
  readonly at: string;
  readonly kind: 'directory' | 'file';
}

/** One command, ready to be confined. */
export interface Job {
  /** The checkout: the only place it may write that outlives nothing. */
  readonly directory: string;
  /** An empty directory of this job's own, for a confinement that needs one. */
  readonly scratch: string;
  readonly run: string;
  readonly args: readonly string[];
  readonly mounts: readonly Mount[];
  /** Socket of a filtering proxy, the only way out; null for none. */
  readonly egress: string | null;
  readonly seconds: number;
  readonly memoryMegabytes: number;
}

/** A process to start. Nothing of this process's own environment goes into it. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Texts that the process reads from descriptors 4, 5, …; descriptor 3 is where bubblewrap tells how it went. */
  readonly inputs: readonly string[];
  /** Whether descriptor 3 tells the exit code: without it the command was never started. */
  readonly tellsStart: boolean;
}

/** A way to run a repository's commands. */
export interface Confinement {
  readonly kind: 'bubblewrap' | 'none';
  readonly caveats: readonly string[];
  /** Prepares the checkout's mount points and gives the process to start. */
  launch(job: Job): Promise<Launch>;
}

/** Runs the text with its arguments and both outputs in one stream, so that they stay in order; our own descriptors are not handed on. */
export function shell(run: string, args: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'exec /bin/sh -c "$0" converge "$@" 2>&1 3>&- 4>&- 5>&- 6>&-', run, ...args];
}
