import { Suspended } from '../domain/errors.ts';
import type { Reopened } from '../domain/generation.ts';
import type { SavedScript } from '../domain/saved-script.ts';
import type { CallOutcome, Journal, SettledCall } from '../journal/journal.ts';
import { carryHere, prepared, type CallSource, type Carry, type ScriptCall, type Withhold } from './calls.ts';
import type { BudgetView, CallPort, Delivery, Drain, GuestCall, ScriptEnd, ScriptLimits, ScriptView, Tell } from './protocol.ts';
import { openKeys, type Keys } from './keys.ts';
import { Questions } from './questions.ts';
import { runSandboxed } from './sandbox.ts';
import { Settled } from './settled.ts';
import type { Threads } from './thread.ts';
import { eventOf, Told } from './told.ts';

export interface RunOptions {
  readonly run: string;
  readonly source: string;
  /** Saved scripts that it may call by name. */
  readonly saved?: readonly SavedScript[];
  readonly view: ScriptView;
  readonly journal: Pick<Journal, 'append' | 'events' | 'issue' | 'settle' | 'settled'>;
  readonly calls: CallSource;
  /** Takes each call that is not settled to its end; in this process unless told. */
  readonly carry?: Carry;
  readonly withhold?: Withhold;
  /** False: when nothing but questions to people is open the run lets go, and nobody waits in memory. True unless told. */
  readonly patient?: boolean;
  readonly limits?: Partial<ScriptLimits>;
  /** Where its thread comes from; started for it unless told. */
  readonly threads?: Threads;
  /** Calls that are open again in this generation of the run; none unless told. */
  readonly reopened?: Reopened;
  readonly signal: AbortSignal;
  /** What the script may know as spent when this call is delivered, and all before it; asked once for each, in the order of delivery. */
  readonly budgetAt: (call: { readonly key: string; readonly seq: number }) => BudgetView | Promise<BudgetView>;
}

/** `redelivered` were answered from the journal; `diverged` came back before this replay issued them, or never were issued: 0 for an unchanged script. */
export interface ReplayCount {
  readonly performed: number;
  readonly redelivered: number;
  readonly diverged: number;
}

/**
 * Runs a script from the top against the journal: the one loop for a live run and for its replay (DESIGN.md §4, Replay). Calls that settled before are answered
 * in the order in which they were committed, each in a slice of its own, the others are performed at once and beside each other. When it resolves, nothing of it is under way
 * but questions to people, and calls that are kept back, that the script left without waiting for them.
 * Rejects with `Suspended` when a call was suspended or the signal aborts, after what was under way came to rest; and with a failure of the journal.
 */
export async function runScript(options: RunOptions): Promise<ScriptEnd & { readonly replay: ReplayCount }> {
  const replay = new Replay(options);
  try {
    const { source, saved = [], view, limits, threads, signal } = options;
    const given = { ...(limits === undefined ? {} : { limits }), ...(threads === undefined ? {} : { threads }) };
    const running = runSandboxed({ source, saved, view, port: replay, signal, ...given });
    // The record is read while the script's thread starts.
    const [end] = await Promise.all([running, replay.opened()]);
    await replay.rest();
    return { ...end, replay: replay.count() };
  } catch (thrown) {
    await replay.rest();
    throw thrown;
  } finally {
    replay.close();
  }
}

/** Calls that are issued in one commit. */
const PORTION = 16;
/** Results that are handed over together. */
const HANDFUL = 64;

interface Issued {
  readonly call: GuestCall;
  readonly key: string;
  readonly label: string;
}

class Replay implements CallPort {
  readonly #options: RunOptions;
  readonly #issued = new Map<string, Issued>();
  readonly #keyOf: Keys;
  readonly #settled: Settled;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #questions = new Questions();
  readonly #counts = { performed: 0, redelivered: 0, diverged: 0 };
  /** Not taken by the script. */
  #given: Delivery[] = [];
  #told = new Told([]);
  #opened: Promise<void> | null = null;
  /** What stops the run: `Suspended`, or a journal that cannot be written. */
  #stopped: { readonly thrown: unknown } | null = null;
  #changed = Promise.withResolvers<void>();
  /** Calls that wait for somebody's decision. */
  #withheld = 0;
  #idling = false;
  #closed = false;

  constructor(options: RunOptions) {
    const { run, journal, reopened = new Map() } = options;
    this.#options = options;
    this.#keyOf = openKeys(reopened);
    this.#settled = new Settled({ run, journal, reopened });
  }

  /** Resolves when it is known what was told before. */
  opened(): Promise<void> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<void> {
    this.#told = new Told(await this.#options.journal.events(this.#options.run));
  }

  async drained(drain: Drain): Promise<void> {
    this.#given.splice(0, drain.taken);
    await this.opened();
    await this.#tell(drain.tells);
    if (drain.calls.length > 0) await this.#issue(drain.calls);
  }

  async next(): Promise<readonly Delivery[]> {
    for (;;) {
      await this.#throwIfStopped();
      const changed = this.#changed.promise;
      await this.#give();
      // What was read may all belong to calls that are not issued: others may have settled since, before `changed` was looked at.
      if (this.#given.length === 0) {
        await this.#settled.read();
        await this.#give();
      }
      if (this.#given.length > 0) return this.#given;
      this.#tellIdle();
      if (this.#waitsForPeople())
        this.#stop(new Suspended('person', 'The run waits for a person, and goes on when somebody has said something.'));
      else await changed;
    }
  }

  async #throwIfStopped(): Promise<void> {
    if (this.#stopped === null && this.#options.signal.aborted) this.#stop(new Suspended('stopping', 'the run was told to stop'));
    if (this.#stopped === null) return;
    await this.rest();
    throw this.#stopped.thrown;
  }

  /** Until nothing that ends by itself is under way; a question to a person may stay open for ever. */
  async rest(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.race(this.#underWay.values());
  }

  /** What is kept back now is not carried out in this replay any more. */
  close(): void {
    this.#closed = true;
  }

  count(): ReplayCount {
    return { ...this.#counts, diverged: this.#counts.diverged + this.#settled.early };
  }

  async #tell(tells: readonly Tell[]): Promise<void> {
    const fresh = tells.filter((tell) => !this.#told.had(tell));
    if (fresh.length === 0) return;
    await this.#options.journal.append(this.#options.run, fresh.map(eventOf));
  }

  /** In portions, so that the first are at work while the last are prepared. */
  async #issue(calls: readonly GuestCall[]): Promise<void> {
    for (let at = 0; at < calls.length; at += PORTION) {
      if (at > 0) await this.#throwIfStopped();
      await this.#issuePortion(calls.slice(at, at + PORTION));
    }
  }

  async #issuePortion(calls: readonly GuestCall[]): Promise<void> {
    const { run, journal } = this.#options;
    const scripts = await Promise.all(calls.map((call) => prepared(this.#options.calls, call)));
    const issued = calls.map((call, index) => {
      const script = scripts[index];
      if (script === undefined) throw new Error(`no preparation of call ${call.id}`);
      return { call, script, key: this.#keyOf(call.kind, script.identity) };
    });
    const states = await journal.issue(
      run,
      issued.map(({ call, script, key }) => ({
        key,
        kind: call.kind,
        label: script.label,
        phase: script.phase || call.phase,
        input: script.identity,
        args: call.args,
      })),
    );
    const settled = new Set(states.filter((state) => state.settled !== null).map((state) => state.key));
    for (const { call, script, key } of issued) {
      this.#issued.set(key, { call, key, label: script.label });
      if (!settled.has(key)) this.#start(key, call, script);
      else this.#redeliver(key);
    }
  }

  #redeliver(key: string): void {
    this.#counts.redelivered += 1;
    if (this.#settled.bringForward(key)) this.#counts.diverged += 1;
  }

  #start(key: string, call: GuestCall, script: ScriptCall): void {
    this.#counts.performed += 1;
    const kept = this.#options.withhold?.withholds(call) ?? null;
    const asked = call.kind === 'approval' ? this.#questions.asked(key) : undefined;
    const waits = asked && ((): void => (asked(), this.#wake()));
    const perform = (): Promise<CallOutcome> => script.perform(key, waits);
    if (kept === null) this.#carry(key, call, perform);
    else void this.#whenDecided(kept, (end) => this.#carry(key, call, end ?? perform));
  }

  async #whenDecided(kept: Promise<CallOutcome | null>, goOn: (end: CallOutcome | null) => void): Promise<void> {
    this.#withheld += 1;
    try {
      const end = await kept;
      if (this.#stopped === null && !this.#closed) goOn(end);
    } catch (thrown) {
      this.#stop(thrown);
    }
    this.#withheld -= 1;
    this.#wake();
  }

  /** Nothing goes on before somebody says something, and nobody is to wait for that here. */
  #waitsForPeople(): boolean {
    return this.#options.patient === false && this.#underWay.size === 0 && this.#withheld === 0 && this.#questions.allWait;
  }

  /** Not waited for: what it decides comes back through the calls that are kept back. */
  #tellIdle(): void {
    const { withhold } = this.#options;
    if (withhold === undefined || this.#withheld === 0 || this.#underWay.size > 0 || this.#idling || this.#stopped !== null) return;
    this.#idling = true;
    const before = this.#changed.promise;
    void withhold
      .idle()
      .catch((thrown: unknown) => this.#stop(thrown))
      .finally(() => {
        this.#idling = false;
        // What changed meanwhile was not looked at.
        if (this.#stopped !== null || this.#changed.promise !== before) this.#wake();
      });
  }

  /** A call whose end is known already needs nobody to carry it out. */
  #carry(key: string, { kind, args }: GuestCall, act: (() => Promise<CallOutcome>) | CallOutcome): void {
    const { run, journal, carry = carryHere(journal) } = this.#options;
    const here = typeof act === 'function' ? carry : carryHere(journal);
    const perform = typeof act === 'function' ? act : () => Promise.resolve(act);
    const work = here({ run, key, kind, args, perform })
      .catch((thrown: unknown) => this.#stop(thrown))
      .finally(() => {
        this.#underWay.delete(key);
        this.#questions.over(key);
        this.#wake();
      });
    if (kind !== 'approval') this.#underWay.set(key, work);
  }

  /** A suspension or a broken journal stops the loop. */
  #stop(thrown: unknown): void {
    this.#stopped ??= { thrown };
  }

  #wake(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  /** The next one, and those after it whose turn no slice of the script between them can change. */
  async #give(): Promise<void> {
    while (this.#given.length === 0 || (this.#given.length < HANDFUL && this.#settled.isCertain(this.#issued))) {
      const found = this.#settled.next(this.#issued);
      if (found === null) return;
      this.#given.push(await this.#deliveryOf(found.issued, found.call));
    }
  }

  async #deliveryOf({ call, key, label }: Issued, { seq, outcome }: SettledCall): Promise<Delivery> {
    const budget = await this.#options.budgetAt({ key, seq });
    if (outcome.kind === 'value') {
      return { id: call.id, budget, failure: null, outcome: { kind: 'value', value: this.#options.calls.view(call.kind, outcome.value) } };
    }
    const cause = outcome.kind === 'null' ? outcome.cause : outcome.message;
    return { id: call.id, budget, outcome, failure: { kind: call.kind, label, cause } };
  }
}
