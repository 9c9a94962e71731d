import { addUsage, type Limits, type MicroDollars, NO_USAGE, type Usage } from '../domain/budget.ts';
import type { ModelChoices, Role } from '../domain/effort.ts';
import type { Estimate, Range } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { InventoryFile } from './inventory.ts';

export interface EstimateFacts {
  readonly shards: readonly Shard[];
  readonly inventory: readonly InventoryFile[];
  /** Bytes of the guide's text, which every agent reads. */
  readonly guideBytes: number;
  readonly limits: Limits;
  readonly models: ModelChoices;
  /** By the one data file of prices. */
  readonly priceOf: (model: string, usage: Usage) => MicroDollars;
}

/** Invariant 11, DESIGN.md §6: one for the plan's empty commit, one convergence, at most two revisions after CI. */
const PUSHES = 4;
/** DESIGN.md §8: content-creating calls of a run, 40 reviews among them. */
const CONTENTS = 100;

/** Tokens of code by bytes: measured on English and code, rounded to the dear side. */
const BYTES_A_TOKEN = 3;
/** Tools and rules that stand before the guide. */
const PROMPT_TOKENS = 6_000;
const NEW_FILE_BYTES = 4_000;
/** With its tools and its share of the checks. Assumed until runs are measured. */
const SECONDS_A_TURN = 20;

/** How a case goes: turns of an agent for each of its files, tokens written for each token of code, reviews of a shard. */
interface Case {
  readonly turnsAFile: number;
  readonly outputFactor: number;
  readonly reviews: number;
}

/** Assumed until runs are measured: half of all shards come back once. (Spotify's judge vetoes a quarter; two verifiers are stricter than one judge.) */
function casesOf(rounds: number): { readonly low: Case; readonly expected: Case; readonly worst: Case } {
  return {
    low: { turnsAFile: 1.5, outputFactor: 1, reviews: 1 },
    expected: { turnsAFile: 2.5, outputFactor: 2, reviews: Math.min(1.5, rounds) },
    worst: { turnsAFile: 5, outputFactor: 4, reviews: rounds },
  };
}

/**
 * Agents, tokens and dollars from the bytes of the inventory, the panel and the models' prices, for a run in which all goes well, an ordinary one, and one where every shard
 * needs every round. An estimate, not a limit: the limit is the budget. Planning is not in it: it is spent when this is read.
 */
export function estimate(facts: EstimateFacts): Estimate {
  const cases = casesOf(facts.limits.rounds);
  const low = tally(facts, cases.low);
  const expected = tally(facts, cases.expected);
  const worst = tally(facts, cases.worst);
  const range = (pick: (one: Tally) => number): Range => ({ low: pick(low), expected: pick(expected), worst: pick(worst) });
  return {
    agents: range((one) => one.agents),
    inputTokens: range(({ usage }) => usage.input + usage.cacheRead + usage.cacheWrite5m + usage.cacheWrite1h),
    outputTokens: range(({ usage }) => usage.output),
    cost: range((one) => one.cost),
    hours: range((one) => (one.turns * SECONDS_A_TURN) / 3_600 / Math.max(1, Math.min(facts.limits.concurrency, facts.shards.length))),
    pushes: PUSHES,
    contents: CONTENTS,
  };
}

interface Tally {
  readonly agents: number;
  readonly usage: Usage;
  readonly cost: MicroDollars;
  readonly turns: number;
}

function tally(facts: EstimateFacts, how: Case): Tally {
  const bytes = new Map(facts.inventory.map((file) => [file.path, file.bytes]));
  let sum: Tally = { agents: 0, usage: NO_USAGE, cost: 0, turns: 0 };
  const add = (role: Role, agents: number, { usage, turns }: Conversation): void => {
    // One conversation is priced by itself: some prices depend on the length of the prompt.
    const cost = facts.priceOf(facts.models[role].model, times(usage, 1)) * agents;
    sum = {
      agents: sum.agents + agents,
      usage: addUsage(sum.usage, times(usage, agents)),
      cost: sum.cost + cost,
      turns: sum.turns + turns * agents,
    };
  };
  for (const shard of facts.shards) {
    const code = shard.files.reduce((total, path) => total + (bytes.get(path) ?? NEW_FILE_BYTES), 0) / BYTES_A_TOKEN;
    const guide = PROMPT_TOKENS + facts.guideBytes / BYTES_A_TOKEN;
    const working = conversation({
      before: guide,
      reads: code,
      writes: code * how.outputFactor,
      turns: 2 + how.turnsAFile * shard.files.length,
    });
    const judging = conversation({ before: guide, reads: code * 2, writes: 1_500 * how.outputFactor, turns: 2 + how.turnsAFile });
    add('migrator', 1, working);
    add('verifier', facts.limits.reviewers * how.reviews, judging);
    add('reviser', how.reviews - 1, working);
  }
  return { ...sum, agents: Math.round(sum.agents), cost: Math.round(sum.cost) };
}

interface Conversation {
  readonly turns: number;
  readonly usage: Usage;
}

/** Every token enters the cache once and is read from it in each later turn; the context grows evenly. */
function conversation({
  before,
  reads,
  writes,
  turns,
}: {
  readonly before: number;
  readonly reads: number;
  readonly writes: number;
  readonly turns: number;
}): Conversation {
  const grown = reads + writes;
  const cacheRead = turns * before + ((turns - 1) * grown) / 2;
  return { turns, usage: { input: 0, output: writes + 200 * turns, cacheRead, cacheWrite5m: grown, cacheWrite1h: 0 } };
}

function times(usage: Usage, factor: number): Usage {
  return {
    input: Math.round(usage.input * factor),
    output: Math.round(usage.output * factor),
    cacheRead: Math.round(usage.cacheRead * factor),
    cacheWrite5m: Math.round(usage.cacheWrite5m * factor),
    cacheWrite1h: Math.round(usage.cacheWrite1h * factor),
  };
}
