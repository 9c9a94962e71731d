/** Requests remembered, in the order in which they were sent. */
const MEMORY = 64;
/** That many requests sent one after the other, all refused: nobody is answered, whatever was before. By chance (one in six) once in 1.7 million. */
const ROW = 8;
/** That many are a row that chance hardly makes, while there may be a ceiling. */
const FEW = 4;
/** A ceiling is tried again after as many answers as are allowed in flight; four times as many after each vain try, but after these milliseconds at the latest. */
const RARER = 4;
const RAREST_MS = 120_000;

/** One request as it was sent: its level is how many were in flight then, itself included; `n` counts all. */
export interface Sent {
  readonly n: number;
  readonly level: number;
  fate: 'open' | 'admitted' | 'answered' | 'refused';
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
  /** `waiting`: how many would be sent if more were allowed. */
  readonly answered: (sent: Sent, now: number, waiting: number) => void;
  readonly refused: (sent: Sent, now: number) => Verdict;
  /** After everybody was refused, or after a long rest, which tell nothing of a ceiling: from at most this level again. */
  readonly restart: (level: number) => void;
}

export function openJudge(start: number, most: number): Judge {
  const memory = openMemory();
  const shares = openShares();
  let allowed = start;
  /** Lowest level that is refused while others are let in. */
  let ceiling = Infinity;
  let rounds = 1;
  let probedAt = 0;
  let credit = 0;
  /** The last that was sent when the ceiling was learned: refusals of others sent before are the same news. */
  let learned = 0;
  /** The last that was sent before everybody was refused: answers to it and to those before it say nothing of how many may be sent after. */
  let before = 0;

  const mayGrow = (now: number, waiting: number): boolean => {
    if (allowed + 1 < ceiling) return credit >= 1;
    // A vain try makes one wait, at the end of a run all of it: not for few.
    return waiting * 2 >= allowed && (credit >= rounds * allowed || now - probedAt >= RAREST_MS);
  };

  const admitted = (sent: Sent): void => {
    if (sent.fate === 'open') shares.learn(sent.level, false);
    sent.fate = 'admitted';
  };

  return {
    allowed: () => allowed,
    sent: (level) => memory.send(level),
    admitted,
    answered(sent, now, waiting) {
      admitted(sent);
      sent.fate = 'answered';
      if (sent.n <= before) return;
      if (sent.level >= ceiling) {
        // It may have been luck, or a place that became free in between: tried again sooner, and gone when as many are let in as below.
        rounds = Math.max(1, rounds / RARER);
        if (shares.isAsBelow(sent.level)) [ceiling, rounds] = [Infinity, 1];
      }
      // Only what was used up grows: else a level would be allowed that was never tried, and taken in one leap later.
      if (sent.level * 2 >= allowed) credit += 1;
      if (allowed >= Math.min(most, ceiling) || !mayGrow(now, waiting)) return;
      credit = 0;
      allowed += 1;
      probedAt = now;
    },
    refused(sent, now) {
      sent.fate = 'refused';
      const isChance = shares.isAsBelow(sent.level) && !memory.isRow(FEW);
      shares.learn(sent.level, true);
      if (memory.isNobody()) return 'nobody';
      if (isChance) return 'chance';
      if (sent.level === 1) return 'nobody';
      if (sent.level >= ceiling && sent.n > learned) rounds *= RARER;
      learned = memory.count();
      const level = sent.level - 1;
      // At most halved by one refusal: the replies to one burst arrive together, and each tells only of its own level.
      allowed = Math.max(1, Math.min(allowed, Math.max(level, Math.floor(allowed / 2))));
      ceiling = Math.min(ceiling, allowed + 1);
      probedAt = now;
      credit = 0;
      return 'ceiling';
    },
    restart(level) {
      allowed = Math.max(1, Math.min(allowed, level));
      before = memory.count();
      [ceiling, rounds, credit] = [Infinity, 1, 0];
    },
  };
}

/** How many of the requests at each level were refused lately, from 0 to 1. */
interface Shares {
  learn(level: number, refused: boolean): void;
  /** Whether no more are refused at this level than at those below it, but for what chance may add. False where nothing is known of it. */
  isAsBelow(level: number): boolean;
}

/** Weight of the newest. */
const NEWEST = 1 / 8;
const ADDED = 0.25;

function openShares(): Shares {
  const shares = new Map<number, number>();
  const excess = (level: number): number => {
    const below = [...shares].filter(([other]) => other < level).map(([, share]) => share);
    // The better half of them: above a ceiling there may be many, all as bad.
    const best = below.toSorted((a, b) => a - b).slice(0, Math.ceil(below.length / 2));
    const usual = best.length === 0 ? ADDED : best.reduce((sum, share) => sum + share, 0) / best.length;
    return (shares.get(level) ?? 0) - usual;
  };
  return {
    learn(level, refused) {
      // One alone says half of it.
      const before = shares.get(level) ?? Number(refused) / 2;
      shares.set(level, before + (Number(refused) - before) * NEWEST);
    },
    isAsBelow: (level) => shares.has(level) && excess(level) <= ADDED,
  };
}

/** The newest requests and what became of them. */
interface Memory {
  send(level: number): Sent;
  /** How many were sent in all. */
  count(): number;
  /** Whether the newest `length` were all refused. */
  isRow(length: number): boolean;
  isNobody(): boolean;
}

function openMemory(): Memory {
  const memory: Sent[] = [];
  let count = 0;
  const isRow = (length: number): boolean => memory.length >= length && memory.slice(-length).every(({ fate }) => fate === 'refused');
  return {
    send(level) {
      const sent: Sent = { n: (count += 1), level, fate: 'open' };
      memory.push(sent);
      if (memory.length > MEMORY) memory.shift();
      return sent;
    },
    count: () => count,
    isRow,
    // A refusal comes at once and an answer takes its time: what is still open counts for let in. A row of which most were sent while more were in flight than at any that is let in
    // tells only of a ceiling.
    isNobody() {
      if (memory.every(({ fate }) => fate === 'refused')) return true;
      if (!isRow(ROW)) return false;
      const letIn = Math.max(0, ...memory.filter(({ fate }) => fate === 'open' || fate === 'admitted').map(({ level }) => level));
      return letIn === 0 || memory.slice(-ROW).filter(({ level }) => level > letIn).length <= ROW / 2;
    },
  };
}
