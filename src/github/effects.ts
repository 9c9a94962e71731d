import { createHash, createHmac } from 'node:crypto';
import type { z } from 'zod';

import { Suspended } from '../domain/errors.ts';
import { type Json, toJson } from '../domain/json.ts';
import type { Journal } from '../journal/journal.ts';
import { pause } from './pause.ts';
import { GitHubRefusal } from './refusal.ts';

export interface EffectsOptions {
  readonly journal: Journal;
  /** Waits before the looks after an unknown outcome, in milliseconds. */
  readonly lookupsMs: readonly number[];
  /** Nobody outside may know it: who does can make our look-ups find their text. */
  readonly markerSecret: string;
  readonly signal: AbortSignal;
  readonly memory: EffectsMemory;
}

/** What this process knows of effects, whichever hub does them. */
export interface EffectsMemory {
  readonly inFlight: Map<string, Promise<Json>>;
  /** Scopes whose first event was written since this process opened the journal. */
  readonly begunHere: ReadonlySet<string>;
}

export function effectsMemory(journal: Journal): EffectsMemory {
  const begunHere = new Set<string>();
  journal.watch(null, ({ scope, n }) => {
    if (n === 1) begunHere.add(scope);
  });
  return { inFlight: new Map(), begunHere };
}

/** Names one effect for ever. */
export interface EffectName {
  readonly scope: string;
  readonly key: string;
}

export interface Effect<Result> {
  /** What is to be done, for the record. */
  readonly intent: Json;
  readonly schema: z.ZodType<Result>;
  /**
   * Looks for what an earlier attempt may have done, among things that our own App authored; null when there is none. `idempotent` for what may be asked
   * of GitHub again without being there twice.
   */
  readonly find: (() => Promise<Result | null>) | 'idempotent';
  act(): Promise<Result>;
}

/** Attempts of one effect within one call; each outcome that is unknown is looked up before the next. */
const ATTEMPTS = 3;

/** What all our markers begin with. */
export const ANY_MARKER = '<!-- converge ';

/** Writes to GitHub, each done once (invariant 4). */
export class Effects {
  readonly #options: EffectsOptions;

  constructor(options: EffectsOptions) {
    this.#options = options;
  }

  /** Text that only we can have written, invisible in Markdown. It ends what carries it. */
  marker(name: EffectName): string {
    const hash = createHash('sha256').update(textOf(name)).digest('hex').slice(0, 16);
    return `${ANY_MARKER}${hash} ${this.signature(name)} -->`;
  }

  /** The marker's HMAC alone, for fields that people do not see. */
  signature(name: EffectName): string {
    return createHmac('sha256', this.#options.markerSecret).update(textOf(name)).digest('hex');
  }

  /**
   * Does the effect unless it was done before, in whatever process: then gives its first result. An outcome that is unknown (no answer, 5xx, a kill between
   * intent and result) is looked up before the effect is attempted again.
   */
  async once<Result>(name: EffectName, effect: Effect<Result>): Promise<Result> {
    const id = textOf(name);
    const { inFlight } = this.#options.memory;
    // Two callers at once are one: the second would take the first's intent for one that a dead process left behind.
    for (let joined = inFlight.get(id); joined !== undefined; joined = inFlight.get(id)) {
      try {
        return effect.schema.parse(await joined);
      } catch (error) {
        // Whoever began it had to let go (its run's claim was taken, its drive ended): that is no word on who joined it.
        if (!(error instanceof Suspended)) throw error;
      }
    }
    const running = this.#perform(name, effect).finally(() => inFlight.delete(id));
    inFlight.set(id, running);
    return effect.schema.parse(await running);
  }

  async #perform<Result>(name: EffectName, effect: Effect<Result>): Promise<Json> {
    const { journal, lookupsMs, memory } = this.#options;
    const intended = await journal.intend(name.scope, name.key, effect.intent);
    if (intended.done) return intended.result;
    // A journal from before this process may have lost its end with the disk: one look, since what was done then is listed by now.
    const looks = !intended.fresh ? lookupsMs : memory.begunHere.has(name.scope) ? [] : [0];
    const found = await this.#lookUp(effect, looks);
    const result = toJson(found ?? (await this.#attempt(effect)));
    await journal.done(name.scope, name.key, result);
    return result;
  }

  async #attempt<Result>(effect: Effect<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await effect.act();
      } catch (thrown) {
        if (!(thrown instanceof GitHubRefusal) || !thrown.mayBeDone) throw thrown;
        const found = await this.#lookUp(effect, this.#options.lookupsMs);
        if (found !== null) return found;
        if (attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async #lookUp<Result>({ find }: Effect<Result>, waits: readonly number[]): Promise<Result | null> {
    if (find === 'idempotent') return null;
    for (const wait of waits) {
      await pause(wait, this.#options.signal);
      const found = await find();
      if (found !== null) return found;
    }
    return null;
  }
}

function textOf({ scope, key }: EffectName): string {
  return `${scope}\u0000${key}`;
}
