/** The call under which the pilot's question to a person is recorded; a child's key, so that no script's call can have it. */
export const PILOT_CALL = 'pilot/approval';

/** The durable step that holds the answer, and those by which shards took the place of chosen ones that the script did not reach. */
export const PILOT_ANSWERED = 'pilot-answered';
export const STAND_IN = /^pilot-stand-in#\d+$/u;

export function standInStep(number: number): string {
  return `pilot-stand-in#${number}`;
}

/** What one shard of the pilot came to. */
export interface PilotFigure {
  readonly shard: string;
  /** Why it was chosen, in words. */
  readonly why: string;
  readonly files: number;
  /** Micro-dollars. */
  readonly cost: number;
  readonly minutes: number;
  readonly rounds: number;
  readonly accepted: boolean;
}

export interface Spread {
  readonly low: number;
  readonly expected: number;
  readonly high: number;
}

export interface Projection {
  readonly shards: number;
  readonly files: number;
  /** Micro-dollars. */
  readonly cost: Spread;
  readonly minutes: Spread;
  /** How many of the shards would be accepted at the pilot's rate. */
  readonly accepted: number;
  /** How many shards it was measured on: with one there is no spread, and the range is half to double. */
  readonly measured: number;
}

/** What the others would come to: by file, at the pilot's mean, its cheapest and its dearest; so many shards at once at the most. */
export function project(
  figures: readonly PilotFigure[],
  rest: { readonly shards: number; readonly files: number; readonly atOnce: number },
): Projection {
  const measured = figures.filter((figure) => figure.files > 0);
  const files = measured.reduce((sum, figure) => sum + figure.files, 0);
  const spread = (of: (figure: PilotFigure) => number): Spread => {
    const mean = (measured.reduce((sum, figure) => sum + of(figure), 0) / Math.max(1, files)) * rest.files;
    if (measured.length < 2) return { low: mean / 2, expected: mean, high: mean * 2 };
    const each = measured.map((figure) => (of(figure) / figure.files) * rest.files);
    return { low: Math.min(...each), expected: mean, high: Math.max(...each) };
  };
  const lanes = Math.max(1, Math.min(rest.atOnce, rest.shards));
  const work = spread((figure) => figure.minutes);
  const accepted = figures.filter((figure) => figure.accepted).length / Math.max(1, figures.length);
  return {
    shards: rest.shards,
    files: rest.files,
    cost: spread((figure) => figure.cost),
    minutes: { low: work.low / lanes, expected: work.expected / lanes, high: work.high / lanes },
    accepted: Math.round(accepted * rest.shards),
    measured: measured.length,
  };
}
