import type { ScriptLimits, Tell } from './protocol.ts';

/** What every thread is started with. */
export interface WorkerBoot {
  readonly wasm: WebAssembly.Module;
  readonly prelude: { readonly world: string; readonly basics: string; readonly arguments: string; readonly primitives: string };
  readonly limits: ScriptLimits;
}

/** One script. Texts are JavaScript, `facts` is JSON for the guest's prelude. */
export interface GuestScript {
  readonly code: string;
  /** Of the saved scripts that it may call, in the order in which `facts` describes them; null for one that cannot run. */
  readonly saved: readonly (string | null)[];
  readonly facts: string;
}

export type ToGuest =
  | { readonly type: 'run'; readonly script: GuestScript }
  | { readonly type: 'settle'; readonly texts: readonly string[] };

/** Why the thread stopped a slice: CPU time, too many calls, code that the interpreter does not know, an interpreter that broke (stack or memory). */
export type GuestStop = 'time' | 'calls' | 'syntax' | 'broken';

/** What a message's slices did. `args` and `value` are JSON. Mutable while they run. */
export interface FromGuest {
  /** Texts of the message that were settled. */
  taken: number;
  calls: { id: number; kind: string; args: string; site: string | null; phase: string }[];
  tells: Tell[];
  end: { kind: 'returned'; value: string } | { kind: 'threw'; message: string; site: string | null } | null;
  stop: GuestStop | null;
  /** Places as line:column: the loop that went round last, and awaits without an answer. Told where the script was stopped, unless its interpreter broke, and where none of its calls is open. */
  where: { loop: string | null; waits: string[] } | null;
}
