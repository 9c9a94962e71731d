const MEMORY = 32;
const FIRST_PROBE = 4;
const RAREST_PROBE = 64;

/** Decides from which level on (requests in flight, when one was sent) the service refuses. Knows no time. */
export interface Judge {
  /** Requests that may be in flight now. */
  readonly allowed: () => number;
  readonly answered: (level: number) => void;
  /** `chance`: others are answered at that level, so that it says nothing about it. */
  readonly refused: (level: number) => 'chance' | 'limit';
}

export function openJudge(start: number, most: number): Judge {
  const outcomes: { readonly level: number; readonly ok: boolean }[] = [];
  let allowed = start;
  /** Lowest level that was refused as a limit. */
  let ceiling = Infinity;
  let probeAfter = FIRST_PROBE;
  let credit = 0;

  const remember = (level: number, ok: boolean): void => {
    outcomes.push({ level, ok });
    if (outcomes.length > MEMORY * 2) outcomes.splice(0, MEMORY);
  };
  const isChance = (level: number): boolean => {
    const alike = outcomes.filter((outcome) => outcome.level >= level).slice(-MEMORY);
    const answered = alike.filter((outcome) => outcome.ok).length;
    return alike.length >= 4 && answered * 2 >= alike.length && alike.slice(-4).some((outcome) => outcome.ok);
  };

  return {
    allowed: () => allowed,
    answered(level: number): void {
      remember(level, true);
      if (level >= ceiling) {
        ceiling = Infinity;
        probeAfter = FIRST_PROBE;
      }
      credit += 1;
      if (allowed >= most || credit < (allowed + 1 >= ceiling ? probeAfter : 1)) return;
      credit = 0;
      allowed += 1;
    },
    refused(level: number): 'chance' | 'limit' {
      remember(level, false);
      if (isChance(level)) return 'chance';
      if (level >= ceiling) probeAfter = Math.min(RAREST_PROBE, probeAfter * 2);
      // At most halved by one refusal: the replies to one burst arrive together, and each tells only of its own level.
      const lower = Math.max(1, Math.min(allowed, Math.max(level - 1, Math.floor(allowed / 2))));
      ceiling = Math.min(ceiling, Math.max(lower + 1, 2));
      allowed = lower;
      credit = 0;
      return 'limit';
    },
  };
}
