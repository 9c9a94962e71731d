import type { MonthLimits } from './allowance.ts';
import { given, MICRO, type MicroDollars } from './budget.ts';
import { lower, type Effort, type ModelChoices } from './effort.ts';
import type { OperatorPolicy } from './operator-policy.ts';
import { stricter, type Permission } from './permission.ts';

/** What the operator of this Converge allows each run: ceilings, but for `reviewers` and permissions, which are floors. */
export interface OperatorLimits extends MonthLimits {
  readonly budget: MicroDollars;
  /** Of a run; without a limit when absent, like `turns` and `hours`. */
  readonly tokens?: number;
  readonly turns?: number;
  readonly hours?: number;
  readonly agents: number;
  readonly concurrency: number;
  /** Verifiers for each review at the least. */
  readonly reviewers: number;
  readonly turnsPerAgent: number;
  readonly secondsPerAgent: number;
  readonly budgetPerAgent: MicroDollars;
  readonly maxEffort: Effort;
  /** Used where the repository names no other. */
  readonly models: ModelChoices;
  /** No agent has another; null for every known one. */
  readonly allowedModels: readonly string[] | null;
  /** On top of `PROTECTED_PATHS` and the repository's. */
  readonly protectedPaths: readonly string[];
  /** Who may start a run, and who may approve, at least. */
  readonly requesters: { readonly permission: Permission };
  readonly approvers: { readonly permission: Permission; readonly otherThanRequester: boolean };
  /** Whether saved scripts may be run, and branches of shards be pushed. */
  readonly savedScripts: boolean;
  readonly publishShards: boolean;
}

/** DESIGN.md §8, models by role. */
export const OPERATOR_DEFAULTS: OperatorLimits = {
  budget: 50 * MICRO,
  agents: 1_000,
  concurrency: 16,
  reviewers: 1,
  turnsPerAgent: 80,
  secondsPerAgent: 3_600,
  budgetPerAgent: 5 * MICRO,
  repositoryMonth: {},
  month: {},
  maxEffort: 'max',
  models: {
    planner: { model: 'claude-opus-5-5', effort: 'xhigh' },
    reader: { model: 'claude-sonnet-5-5', effort: 'high' },
    migrator: { model: 'claude-sonnet-5-5', effort: 'high' },
    reviser: { model: 'claude-sonnet-5-5', effort: 'high' },
    verifier: { model: 'claude-opus-5-5', effort: 'high' },
  },
  allowedModels: null,
  protectedPaths: [],
  requesters: { permission: 'write' },
  approvers: { permission: 'write', otherThanRequester: false },
  savedScripts: true,
  publishShards: true,
};

/** The same operator under their policy: each of its words narrows, or changes nothing. */
export function underPolicy(operator: OperatorLimits, policy: OperatorPolicy): OperatorLimits {
  const { limits } = policy;
  const seconds = limits.minutes === undefined ? undefined : limits.minutes * 60;
  const budget = ceiling(operator.budget, limits.dollars === undefined ? undefined : Math.floor(limits.dollars * MICRO)) ?? operator.budget;
  const models = narrowed(operator.allowedModels, policy.models ?? null);
  return {
    ...operator,
    budget,
    ...given({
      tokens: ceiling(operator.tokens, limits.tokens),
      turns: ceiling(operator.turns, limits.run_turns),
      hours: ceiling(operator.hours, limits.hours),
    }),
    agents: ceiling(operator.agents, limits.agents) ?? operator.agents,
    concurrency: ceiling(operator.concurrency, limits.concurrency) ?? operator.concurrency,
    reviewers: Math.max(operator.reviewers, policy.reviewers ?? 0),
    turnsPerAgent: ceiling(operator.turnsPerAgent, limits.turns) ?? operator.turnsPerAgent,
    secondsPerAgent: ceiling(operator.secondsPerAgent, seconds) ?? operator.secondsPerAgent,
    maxEffort: policy.effort === undefined ? operator.maxEffort : lower(operator.maxEffort, policy.effort),
    allowedModels: models,
    protectedPaths: [...new Set([...operator.protectedPaths, ...policy.paths.protected])],
    requesters: { permission: stricter(operator.requesters.permission, policy.requesters.permission) },
    approvers: strictest(operator.approvers, {
      permission: policy.approvers.permission,
      otherThanRequester: policy.approvers.other_than_requester,
    }),
    savedScripts: operator.savedScripts && policy.saved_scripts,
    publishShards: operator.publishShards && policy.publish_shards,
  };
}

/** The lowest of those that are set. */
function ceiling(...bounds: readonly (number | undefined)[]): number | undefined {
  const set = bounds.filter((bound) => bound !== undefined);
  return set.length === 0 ? undefined : Math.min(...set);
}

/** What both allow; null allows all. */
function narrowed(above: readonly string[] | null, below: readonly string[] | null): readonly string[] | null {
  return above === null || below === null ? (above ?? below) : above.filter((name) => below.includes(name));
}

type Approvers = OperatorLimits['approvers'];

/** Asked again at each approval, so that a policy that was narrowed since a run began holds for it too. */
export function strictest<Theirs extends { readonly permission: Permission; readonly otherThanRequester?: boolean }>(
  operator: Approvers,
  theirs: Theirs,
): Theirs & Approvers {
  return {
    ...theirs,
    permission: stricter(operator.permission, theirs.permission),
    otherThanRequester: operator.otherThanRequester || theirs.otherThanRequester === true,
  };
}
