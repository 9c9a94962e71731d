import type { RunEvent, StoredEvent } from '../../src/domain/events.ts';
import { ConvergeError } from '../../src/domain/errors.ts';
import type { Json } from '../../src/domain/json.ts';
import type { CallOutcome, CallState, IssuedCall, SettledCall } from '../../src/journal/journal.ts';
import type { BudgetView, GuestCall, ScriptEnd, ScriptLimits, ScriptView, Tell } from '../../src/script/protocol.ts';
import type { CallSource, ScriptCall } from '../../src/script/calls.ts';
import { type ReplayCount, type RunOptions, runScript } from '../../src/script/replay.ts';
import { runSandboxed } from '../../src/script/sandbox.ts';

export const META = "export const meta = {name: 'test', description: 'A script of a test'};\n";

export const BUDGET: BudgetView = { total: null, spent: 0, dollars: { total: 5, spent: 0 } };

export const VIEW: ScriptView = { args: null, shards: [], budget: BUDGET };

/** The parts of the journal that replay uses, with its promises: one order, settled once, equal for all readers. */
export class MemoryJournal {
  readonly stored: StoredEvent[] = [];
  readonly #calls = new Map<string, CallState>();
  readonly #settled: SettledCall[] = [];

  append(scope: string, events: readonly RunEvent[]): Promise<readonly StoredEvent[]> {
    const rows = events.map((event, index) => ({ scope, n: this.stored.length + index + 1, at: new Date(0).toISOString(), event }));
    this.stored.push(...rows);
    return Promise.resolve(rows);
  }

  events(_scope: string, after = 0): Promise<readonly StoredEvent[]> {
    return Promise.resolve(this.stored.slice(after));
  }

  async issue(run: string, calls: readonly IssuedCall[]): Promise<readonly CallState[]> {
    for (const call of calls) {
      if (this.#calls.has(call.key)) continue;
      this.#calls.set(call.key, { ...call, settled: null });
      await this.append(run, [{ type: 'call.issued', ...call }]);
    }
    return calls.map(({ key }) => this.state(key));
  }

  async settle(run: string, key: string, outcome: CallOutcome): Promise<number> {
    const call = this.state(key);
    if (call.settled !== null) return call.settled.seq;
    const settled = { seq: this.#settled.length + 1, outcome, at: new Date(0).toISOString() };
    this.#calls.set(key, { ...call, settled });
    this.#settled.push({ key, kind: call.kind, label: call.label, phase: call.phase, input: call.input, ...settled });
    await this.append(run, [{ type: 'call.settled', key, seq: settled.seq, outcome }]);
    return settled.seq;
  }

  settled(_run: string, afterSeq: number): Promise<readonly SettledCall[]> {
    return Promise.resolve(this.#settled.slice(afterSeq));
  }

  calls(): readonly CallState[] {
    return [...this.#calls.values()];
  }

  /** What people were told, in order. */
  told(): string[] {
    return this.stored.flatMap(({ event }) => (event.type === 'phase' ? [`# ${event.title}`] : event.type === 'log' ? [event.text] : []));
  }

  private state(key: string): CallState {
    const call = this.#calls.get(key);
    if (call === undefined) throw new Error(`no call ${key} was issued`);
    return call;
  }
}

/** A copy that is what a killed process would find: only what was written. */
export function afterKill(journal: MemoryJournal, events: number): Promise<MemoryJournal> {
  const copy = new MemoryJournal();
  return replayInto(copy, journal.stored.slice(0, events));
}

async function replayInto(copy: MemoryJournal, rows: readonly StoredEvent[]): Promise<MemoryJournal> {
  for (const { scope, event } of rows) {
    if (event.type === 'call.issued') {
      const { key, kind, label, phase, input } = event;
      await copy.issue(scope, [{ key, kind, label, phase, input }]);
    } else if (event.type === 'call.settled') await copy.settle(scope, event.key, event.outcome);
    else await copy.append(scope, [event]);
  }
  return copy;
}

export interface Performed {
  readonly key: string;
  readonly kind: string;
  readonly args: readonly Json[];
  /** Tells that it waits for a person. */
  readonly waits?: (() => void) | undefined;
}

/** Primitives made of one function: what it gives is the value, what it throws as ConvergeError of kind `script` are wrong arguments. */
export function callSource(answer: (call: Performed) => Promise<CallOutcome> | CallOutcome, log: Performed[] = []): CallSource {
  return {
    prepare: (kind, args) => {
      const options = Object.assign({}, ...args.filter((arg) => typeof arg === 'object' && arg !== null && !Array.isArray(arg)));
      const { label, phase, ...identity } = options;
      if (identity.effort === 'enormous') return Promise.reject(new ConvergeError('script', `${kind}: effort is "enormous"; expected low`));
      const call: ScriptCall = {
        label: label ?? kind,
        phase: phase ?? '',
        identity: [...args.filter((arg) => typeof arg === 'string'), identity],
        perform: async (key, waits) => {
          log.push({ key, kind, args });
          return await answer({ key, kind, args, waits });
        },
      };
      return Promise.resolve(call);
    },
    view: (_kind, value) => value,
  };
}

export const value = (json: Json): CallOutcome => ({ kind: 'value', value: json });

/** Echoes first arguments; `null …` becomes null and `throw …` throws in the script. */
export function echo({ args }: Performed): CallOutcome {
  const [first = null] = args;
  if (typeof first === 'string' && first.startsWith('null')) return { kind: 'null', cause: `cause of ${first}` };
  if (typeof first === 'string' && first.startsWith('throw')) return { kind: 'throw', message: `message of ${first}` };
  return value(first);
}

export interface RunResult {
  readonly end: ScriptEnd & { readonly replay: ReplayCount };
  readonly journal: MemoryJournal;
  readonly performed: readonly Performed[];
}

/** Runs a script's body (meta stands before it, on line 1) against a journal and fake primitives. */
export async function run(
  body: string,
  options: Partial<RunOptions> & {
    readonly journal?: MemoryJournal;
    readonly answer?: (call: Performed) => Promise<CallOutcome> | CallOutcome;
  } = {},
): Promise<RunResult> {
  const { journal = new MemoryJournal(), answer = echo, ...given } = options;
  const performed: Performed[] = [];
  const end = await runScript({
    run: 'run-1',
    source: META + body,
    view: VIEW,
    calls: callSource(answer, performed),
    signal: new AbortController().signal,
    budgetAt: () => BUDGET,
    ...given,
    journal,
  });
  return { end, journal, performed };
}

/** The sandbox alone, each call answered with its first argument in the order of issue. */
export async function sandboxed(
  source: string,
  limits: Partial<ScriptLimits> = {},
): Promise<{ readonly end: ScriptEnd; readonly calls: readonly GuestCall[]; readonly tells: readonly Tell[] }> {
  const calls: GuestCall[] = [];
  const tells: Tell[] = [];
  const waiting: GuestCall[] = [];
  const end = await runSandboxed({
    source,
    view: VIEW,
    limits,
    port: {
      drained: (drain) => {
        calls.push(...drain.calls);
        waiting.push(...drain.calls);
        tells.push(...drain.tells);
        return Promise.resolve();
      },
      next: () => {
        const call = waiting.shift();
        if (call === undefined) throw new Error('the sandbox asked for a result although nothing is pending');
        return Promise.resolve([{ id: call.id, outcome: value(call.args[0] ?? null), budget: BUDGET, failure: null }]);
      },
    },
  });
  return { end, calls, tells };
}
