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
  fate: 'open' | 'admitted' | 'ended' | 'refused';
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
  /** It ended in another way, which tells nothing. */
  readonly left: (sent: Sent) => void;
  /** After everybody was refused, which tells nothing of a ceiling: from at most this level again. */
  readonly restart: (level: number) => void;
  /** After a long rest: as at first. */
  readonly begin: () => void;
}

export function openJudge(start: number, most: number): Judge {
  const memory = openMemory();
  const shares = openShares();
  const ceiling = openCeiling();
  let allowed = start;
  /** Whether nobody was answered yet since the beginning. */
  let unheard = true;
  /** Answers since the last step, of requests at levels that were made use of. */
  let credit = 0;
  /** The last that was sent before everybody was refused: answers to it and to those before it say nothing of how many may be sent after. */
  let before = 0;

  const admitted = (sent: Sent): void => {
    if (sent.fate === 'open') shares.learn(sent.level, false);
    sent.fate = 'admitted';
  };
  const mayGrow = (now: number, waiting: number): boolean => {
    if (allowed >= Math.min(most, ceiling.level())) return false;
    return allowed + 1 < ceiling.level() ? credit >= 1 : ceiling.mayTry({ allowed, waiting, answers: credit, now });
  };
  const restart = (level: number): void => {
    allowed = Math.max(1, Math.min(allowed, level));
    [before, credit] = [memory.count(), 0];
    ceiling.forget();
  };

  return {
    allowed: () => allowed,
    sent: (level) => memory.send(level),
    admitted,
    answered(sent, now, waiting) {
      admitted(sent);
      memory.left(sent);
      if (sent.n <= before) return;
      if (unheard) {
        // The service answers: that is a step of the ramp by itself, since the first is often sent alone, ahead of those that read its cached prefix.
        unheard = false;
        allowed = Math.max(allowed, Math.min(most, ceiling.level() - 1, 2 * allowed));
        return;
      }
      if (sent.level >= ceiling.level()) ceiling.passed(shares.isAsBelow(sent.level));
      // Only what was used up grows: else a level would be allowed that was never tried, and taken in one leap later.
      if (sent.level * 2 >= allowed) credit += 1;
      if (!mayGrow(now, waiting)) return;
      [allowed, credit] = [allowed + 1, 0];
      ceiling.tried(now);
    },
    refused(sent, now) {
      sent.fate = 'refused';
      const isChance = shares.isAsBelow(sent.level) && !memory.isRow(FEW);
      shares.learn(sent.level, true);
      if (memory.isNobody()) return 'nobody';
      if (isChance) return 'chance';
      if (sent.level === 1) return 'nobody';
      // At most halved by one refusal: the replies to one burst arrive together, and each tells only of its own level.
      allowed = Math.max(1, Math.min(allowed, Math.max(sent.level - 1, Math.floor(allowed / 2))));
      ceiling.met(sent, { level: allowed + 1, newest: memory.count(), now });
      credit = 0;
      return 'ceiling';
    },
    left: (sent) => memory.left(sent),
    restart,
    begin() {
      restart(start);
      [allowed, unheard] = [start, true];
    },
  };
}

/** The lowest level that is refused while others are let in, and when it is tried again. */
interface Ceiling {
  /** Infinity where none is known. */
  level(): number;
  mayTry(state: { readonly allowed: number; readonly waiting: number; readonly answers: number; readonly now: number }): boolean;
  tried(now: number): void;
  /** One was answered at it, or above; `asBelow`: as many are as below it. */
  passed(asBelow: boolean): void;
  met(sent: Sent, at: { readonly level: number; readonly newest: number; readonly now: number }): void;
  forget(): void;
}

function openCeiling(): Ceiling {
  let level = Infinity;
  let rounds = 1;
  let triedAt = 0;
  /** The last that was sent when it was learned: refusals of others sent before are the same news. */
  let learned = 0;
  const forget = (): void => {
    [level, rounds] = [Infinity, 1];
  };
  return {
    level: () => level,
    // A vain try makes one wait, at the end of a run all of it: not for few, but once in a while.
    mayTry: ({ allowed, waiting, answers, now }) =>
      (waiting * 4 >= allowed && answers >= rounds * allowed) || (waiting > 0 && now - triedAt >= RAREST_MS),
    tried(now) {
      triedAt = now;
    },
    passed(asBelow) {
      // It may have been luck, or a place that became free in between: tried again sooner, and gone when as many are let in as below.
      rounds = Math.max(1, rounds / RARER);
      if (asBelow) forget();
    },
    met(sent, at) {
      if (sent.level >= level && sent.n > learned) rounds *= RARER;
      learned = at.newest;
      level = Math.min(level, at.level);
      triedAt = at.now;
    },
    forget,
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
  /** It is not in flight any more. From one that was neither let in nor refused nothing is concluded. */
  left(sent: Sent): void;
}

function openMemory(): Memory {
  let memory: Sent[] = [];
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
    left(sent) {
      if (sent.fate === 'open') memory = memory.filter((other) => other !== sent);
      if (sent.fate === 'admitted') sent.fate = 'ended';
    },
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
