/** Requests remembered, in the order in which they were sent. */
const MEMORY = 64;
/** That many requests sent one after the other, all refused: nobody is answered, whatever was before. By chance (one in six) once in 1.7 million. */
const ROW = 8;
/** A ceiling is tried again after as many answers as are allowed in flight; four times as many after each vain try, but after these milliseconds at the latest. */
const RARER = 4;
const RAREST_MS = 120_000;

/** One request as it was sent: its level is how many were in flight then, itself included; `n` counts all. */
export interface Sent {
  readonly n: number;
  readonly level: number;
  fate: 'open' | 'admitted' | 'refused';
}

/**
 * What a refusal says. `chance`: others are let in at that level. `ceiling`: others are let in, at lower levels. `nobody`: no sign that anybody is let in.
 */
export type Verdict = 'chance' | 'ceiling' | 'nobody';

/** Decides how many requests may be in flight. Time is told to it, in milliseconds. */
export interface Judge {
  readonly allowed: () => number;
  readonly sent: (level: number) => Sent;
  /** The service has begun to answer. */
  readonly admitted: (sent: Sent) => void;
  readonly answered: (sent: Sent, now: number) => void;
  readonly refused: (sent: Sent, now: number) => Verdict;
  /** After everybody was refused, or after a long rest, which tell nothing of a ceiling: from at most this level again. */
  readonly restart: (level: number) => void;
}

export function openJudge(start: number, most: number): Judge {
  const memory: Sent[] = [];
  let allowed = start;
  /** Lowest level that is refused while others are let in. */
  let ceiling = Infinity;
  let rounds = 1;
  let probedAt = 0;
  let credit = 0;
  let count = 0;
  /** The last that was sent when the ceiling was learned: refusals of others sent before are the same news. */
  let learned = 0;

  const mayGrow = (now: number): boolean =>
    allowed + 1 < ceiling ? credit >= 1 : credit >= rounds * allowed || now - probedAt >= RAREST_MS;

  return {
    allowed: () => allowed,
    sent(level) {
      const sent: Sent = { n: (count += 1), level, fate: 'open' };
      memory.push(sent);
      if (memory.length > MEMORY) memory.shift();
      return sent;
    },
    admitted(sent) {
      sent.fate = 'admitted';
    },
    answered(sent, now) {
      sent.fate = 'admitted';
      if (sent.level >= ceiling) {
        ceiling = Infinity;
        rounds = 1;
      }
      // Only what was used up grows: else a level would be allowed that was never tried, and taken in one leap later.
      if (sent.level * 2 >= allowed) credit += 1;
      if (allowed >= most || !mayGrow(now)) return;
      credit = 0;
      allowed += 1;
      probedAt = now;
    },
    refused(sent, now) {
      sent.fate = 'refused';
      if (isNobody(memory)) return 'nobody';
      if (isChance(memory, sent)) return 'chance';
      if (sent.level === 1) return 'nobody';
      if (sent.level >= ceiling && sent.n > learned) rounds *= RARER;
      learned = count;
      // At most halved by one refusal: the replies to one burst arrive together, and each tells only of its own level.
      allowed = Math.max(1, Math.min(allowed, Math.max(sent.level - 1, Math.floor(allowed / 2))));
      ceiling = Math.min(ceiling, allowed + 1);
      probedAt = now;
      credit = 0;
      return 'ceiling';
    },
    restart(level) {
      allowed = Math.max(1, Math.min(allowed, level));
      [ceiling, rounds, credit] = [Infinity, 1, 0];
    },
  };
}

function isChance(memory: readonly Sent[], { level }: Sent): boolean {
  const alike = memory.filter((sent) => sent.level >= level).slice(-MEMORY / 2);
  const refused = alike.filter((sent) => sent.fate === 'refused').length;
  const admitted = alike.filter((sent) => sent.fate === 'admitted').length;
  return admitted >= 3 && admitted >= refused && alike.slice(-4).some((sent) => sent.fate !== 'refused');
}

// A refusal comes at once and an answer takes its time: what is still open counts for let in.
function isNobody(memory: readonly Sent[]): boolean {
  const last = memory.slice(-ROW);
  return (last.length === ROW && last.every((sent) => sent.fate === 'refused')) || memory.every((sent) => sent.fate === 'refused');
}
