import { createHash } from 'node:crypto';
import type { InputUsage } from './prompt-cache.ts';

/** What the server has seen; the same over `GET /__counts`. */
export interface CountsSnapshot {
  /** Requests to `/v1/messages` that were understood. */
  readonly requests: number;
  /** Of these, the ones whose response went out whole. */
  readonly answered: number;
  /** Answered requests whose body had been answered before: what a run that resumes must not do. */
  readonly repeated: number;
  readonly refused: number;
  readonly faults: number;
  readonly inFlight: number;
  readonly peak: number;
  readonly tokens: InputUsage & { readonly output: number };
  readonly byModel: Readonly<Record<string, number>>;
}

export class Counts {
  readonly #answers = new Map<string, number>();
  readonly #byModel = new Map<string, number>();
  #requests = 0;
  #refused = 0;
  #faults = 0;
  #inFlight = 0;
  #peak = 0;
  #tokens = { input: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, output: 0 };

  begin(model: string): void {
    this.#requests += 1;
    this.#inFlight += 1;
    this.#peak = Math.max(this.#peak, this.#inFlight);
    this.#byModel.set(model, (this.#byModel.get(model) ?? 0) + 1);
  }

  end(): void {
    this.#inFlight -= 1;
  }

  refused(): void {
    this.#refused += 1;
  }

  fault(): void {
    this.#faults += 1;
  }

  answered(body: string, usage: InputUsage & { readonly output: number }): void {
    const key = createHash('sha256').update(body).digest('hex');
    this.#answers.set(key, (this.#answers.get(key) ?? 0) + 1);
    const sum = this.#tokens;
    this.#tokens = {
      input: sum.input + usage.input,
      cacheRead: sum.cacheRead + usage.cacheRead,
      cacheWrite5m: sum.cacheWrite5m + usage.cacheWrite5m,
      cacheWrite1h: sum.cacheWrite1h + usage.cacheWrite1h,
      output: sum.output + usage.output,
    };
  }

  snapshot(): CountsSnapshot {
    const times = [...this.#answers.values()];
    const answered = times.reduce((sum, count) => sum + count, 0);
    return {
      requests: this.#requests,
      answered,
      repeated: answered - times.length,
      refused: this.#refused,
      faults: this.#faults,
      inFlight: this.#inFlight,
      peak: this.#peak,
      tokens: { ...this.#tokens },
      byModel: Object.fromEntries(this.#byModel),
    };
  }
}
