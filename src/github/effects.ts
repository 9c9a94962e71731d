import { createHash, createHmac } from 'node:crypto';
import type { z } from 'zod';

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
  /** Looks for what an earlier attempt may have done, among things that our own App authored; null when there is none. */
  find(): Promise<Result | null>;
  act(): Promise<Result>;
}

/** Attempts of one effect within one call; each outcome that is unknown is looked up before the next. */
const ATTEMPTS = 3;

/** Writes to GitHub, each done once (invariant 4). */
export class Effects {
  readonly #options: EffectsOptions;
  readonly #inFlight = new Map<string, Promise<Json>>();

  constructor(options: EffectsOptions) {
    this.#options = options;
  }

  /** Text that only we can have written, invisible in Markdown. It ends what carries it. */
  marker(name: EffectName): string {
    const hash = createHash('sha256').update(textOf(name)).digest('hex').slice(0, 16);
    return `<!-- converge ${hash} ${this.signature(name)} -->`;
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
    // Two callers at once are one: the second would take the first's intent for one that a dead process left behind.
    const running = this.#inFlight.get(id) ?? this.#perform(name, effect).finally(() => this.#inFlight.delete(id));
    this.#inFlight.set(id, running);
    return effect.schema.parse(await running);
  }

  async #perform<Result>(name: EffectName, effect: Effect<Result>): Promise<Json> {
    const { journal } = this.#options;
    const intended = await journal.intend(name.scope, name.key, effect.intent);
    if (intended.done) return intended.result;
    const found = intended.fresh ? null : await this.#lookUp(effect);
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
        const found = await this.#lookUp(effect);
        if (found !== null) return found;
        if (attempt === ATTEMPTS) throw thrown;
      }
    }
  }

  async #lookUp<Result>(effect: Effect<Result>): Promise<Result | null> {
    for (const wait of this.#options.lookupsMs) {
      await pause(wait, this.#options.signal);
      const found = await effect.find();
      if (found !== null) return found;
    }
    return null;
  }
}

function textOf({ scope, key }: EffectName): string {
  return `${scope}\u0000${key}`;
}
