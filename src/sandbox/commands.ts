/** Runs a repository's own commands. Port: `bubblewrap.ts` and `unconfined.ts` (the operator's explicit `sandbox: none`) implement `Confinement`. */

export interface CommandRequest {
  /** Shell text of the plan's check, the configuration's setup, or a predicate. */
  readonly run: string;
  /** Passed as `$1`…: never pasted into the text. */
  readonly args?: readonly string[];
  readonly seconds: number;
}

export interface CommandResult {
  readonly ok: boolean;
  readonly exitCode: number;
  /** stdout and stderr as they came, head and tail of at most 256 KiB. */
  readonly output: string;
  /** Told in words when a limit ended it. */
  readonly ended: 'exit' | 'timeout' | 'memory' | 'disk' | 'output' | 'aborted';
}

/** The commands of one run on its repository. Errors (kind `sandbox`) mean it could not be run at all, never that it failed. */
export interface Commands {
  /**
   * Runs in a checkout of `tree` from the pool, setup layer mounted, without network and secrets; the checkout is emptied before reuse.
   * Equal (tree, run, args) may run again: nothing is cached here.
   */
  on(tree: string, request: CommandRequest, signal?: AbortSignal): Promise<CommandResult>;
  /** Void limits and missing parts, in words, for the plan and the report; empty when all holds. */
  readonly caveats: readonly string[];
  close(): Promise<void>;
}

export interface CommandSettings {
  readonly confinement: 'bubblewrap' | 'none';
  /** Directory for checkouts and setup layers; below the data directory. */
  readonly directory: string;
  /** Repository's setup command, run once for each (command, lock files); null when there is none. */
  readonly setup: string | null;
  /** Hosts that setup may reach, by the operator's explicit word (`name`, `*.name`, each with an optional `:port`); empty for none. */
  readonly setupNetwork: readonly string[];
  /** Checkouts in use at once. */
  readonly parallel: number;
  readonly memoryMegabytes: number;
  /** What one command may write to disk. */
  readonly diskMegabytes: number;
  /** Directories of an operator's machine that checks may read (the `try` command's installed dependencies): host path → path in the checkout. */
  readonly readOnly: readonly { readonly from: string; readonly at: string }[];
}
