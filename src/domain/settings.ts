import { dollars, given, MICRO, type Limits } from './budget.ts';
import type { MigrateFlags } from './command.ts';
import { isAbove, lower, type Effort, type ModelChoices, type Role } from './effort.ts';
import { strictest, type OperatorLimits } from './operator-limits.ts';
import type { RepositoryConfiguration } from './repository-configuration.ts';
import type { Settings } from './run.ts';

/**
 * Paths that decide how the repository is built, who answers for it and what other agents are told: no shard touches them unless the plan names the path.
 * The repository's `paths.protected` comes on top.
 */
export const PROTECTED_PATHS: readonly string[] = [
  '.github/**',
  '**/CODEOWNERS',
  '.gitmodules',
  '**/.gitattributes',
  '.claude/**',
  '**/CLAUDE.md',
  '**/AGENTS.md',
];

export interface SettingsSources {
  readonly configuration: RepositoryConfiguration;
  readonly flags: MigrateFlags;
  readonly operator: OperatorLimits;
  /** What a model is given where this effort is asked for: not every model has each. */
  readonly effortOf: (model: string, asked: Effort) => Effort;
  /** Branch that the result goes to where `--base` names none. */
  readonly base: string;
  /** Why only planning is possible (a pull request from a fork), else null. */
  readonly planOnlyReason: string | null;
}

/**
 * One run's settings: operator over repository over flags, where each may only narrow what stands above it; care (reviewers, a verifier's effort) can only be raised.
 * `notes` tells people, in whole sentences, what of their wish was cut.
 */
export function resolveSettings(sources: SettingsSources): Settings {
  const { configuration, flags, operator } = sources;
  const limits = resolveLimits(sources);
  const models = resolveModels(sources);
  return {
    base: flags.base ?? sources.base,
    paths: flags.paths,
    include: configuration.paths.include,
    limits: limits.limits,
    models: models.models,
    setup: configuration.setup,
    checks: configuration.checks,
    ...(operator.allowedModels === null ? {} : { allowedModels: operator.allowedModels }),
    ...(operator.maxEffort === 'max' ? {} : { maxEffort: operator.maxEffort }),
    protectedPaths: [...new Set([...PROTECTED_PATHS, ...operator.protectedPaths, ...configuration.paths.protected])],
    exclude: configuration.paths.exclude,
    approvers: approversOf(configuration, operator),
    publishShards: configuration.publish_shards && operator.publishShards,
    planOnly: flags.planOnly || sources.planOnlyReason !== null,
    planOnlyReason: sources.planOnlyReason,
    notes: [...limits.notes, ...models.notes],
    ...(flags.pilot === undefined ? {} : { pilot: flags.pilot }),
  };
}

function approversOf({ approvers }: RepositoryConfiguration, operator: OperatorLimits): Settings['approvers'] {
  const { logins, permission, other_than_requester: otherThanRequester } = approvers;
  return strictest(operator.approvers, { logins, permission, otherThanRequester });
}

/** A ceiling and whose it is; the first in a list stands highest. */
interface Bound {
  readonly whose: string;
  readonly value: number;
}

function resolveLimits({ configuration, flags, operator }: SettingsSources): {
  readonly limits: Limits;
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  const leastOf = (name: string, bounds: readonly (Bound | null)[], show = plain): number | undefined => {
    let held: Bound | null = null;
    for (const bound of bounds) {
      if (bound === null) continue;
      if (held !== null && bound.value > held.value)
        notes.push(`${name} ${show(bound.value)} (${bound.whose}) was cut to ${show(held.value)}, ${held.whose}.`);
      else held = bound;
    }
    return held?.value;
  };
  const ours = (value: number | undefined): Bound | null => (value === undefined ? null : { whose: "the operator's limit", value });
  // Where the operator always has one.
  const least = (name: string, operators: number, others: readonly (Bound | null)[]): number =>
    leastOf(name, [ours(operators), ...others]) ?? operators;
  const theirs = (key: string, value: number | undefined): Bound | null =>
    value === undefined ? null : { whose: `limits.${key} of .github/converge.yml`, value };
  const asked = (flag: string, value: number | undefined): Bound | null => (value === undefined ? null : { whose: flag, value });
  const { limits: wish } = configuration;
  const theirDollars = wish.dollars === undefined ? undefined : Math.floor(wish.dollars * MICRO);
  const budget =
    leastOf('Budget', [ours(operator.budget), theirs('dollars', theirDollars), asked('--budget', flags.budget)], dollars) ??
    operator.budget;
  const reviewers = Math.max(operator.reviewers, configuration.reviewers, flags.reviewers ?? 0);
  if (flags.reviewers !== undefined && flags.reviewers < reviewers) {
    notes.push(`--reviewers ${flags.reviewers} was raised to ${reviewers}: a command may ask for more verifiers, not for fewer.`);
  }
  const limits: Limits = {
    budget,
    agents: least('Agents', operator.agents, [theirs('agents', wish.agents), asked('--agents', flags.agents)]),
    concurrency: least('Concurrency', operator.concurrency, [
      theirs('concurrency', wish.concurrency),
      asked('--concurrency', flags.concurrency),
    ]),
    reviewers,
    rounds: configuration.rounds,
    turnsPerAgent: least('Turns of an agent', operator.turnsPerAgent, [theirs('turns', wish.turns)]),
    secondsPerAgent: least('Seconds of an agent', operator.secondsPerAgent, [
      theirs('minutes', wish.minutes === undefined ? undefined : wish.minutes * 60),
    ]),
    budgetPerAgent: Math.min(operator.budgetPerAgent, budget),
    ...given({
      tokens: leastOf('Tokens', [ours(operator.tokens), theirs('tokens', wish.tokens)]),
      turns: leastOf('Turns of the run', [ours(operator.turns), theirs('run_turns', wish.run_turns)]),
      hours: leastOf('Hours', [ours(operator.hours), theirs('hours', wish.hours)]),
    }),
  };
  return { limits, notes };
}

/** Roles whose effort is care: a flag may raise it, never lower it. */
const CAREFUL: ReadonlySet<Role> = new Set<Role>(['planner', 'verifier']);

function resolveModels({ configuration, flags, operator, effortOf }: SettingsSources): {
  readonly models: ModelChoices;
  readonly notes: readonly string[];
} {
  const notes = new Set<string>();
  const { allowedModels } = operator;
  // The first that is allowed stands in for one that is not.
  const allowedModel = (role: Role, wished: string | undefined): string => {
    const model = wished ?? operator.models[role].model;
    if (allowedModels === null || allowedModels.includes(model)) return model;
    const instead = allowedModels[0] ?? model;
    if (wished !== undefined)
      notes.add(
        `models.${role} ${wished} (.github/converge.yml) was replaced by ${instead}: the operator allows ${allowedModels.join(', ')}.`,
      );
    return instead;
  };
  const allowed = (role: Role): ModelChoices[Role] => {
    const wished = configuration.effort[role];
    const own = lower(wished ?? operator.models[role].effort, operator.maxEffort);
    if (wished !== undefined && own !== wished) {
      notes.add(`effort.${role} ${wished} (.github/converge.yml) was cut to ${own}, the operator's limit.`);
    }
    const model = allowedModel(role, configuration.models[role]);
    if (flags.effort === undefined) return { model, effort: own };
    if (CAREFUL.has(role) && isAbove(own, flags.effort)) {
      notes.add(`--effort ${flags.effort} does not apply to the ${role}, which keeps ${own}: a command may raise care, not lower it.`);
      return { model, effort: own };
    }
    const ceiling = wished === undefined ? operator.maxEffort : own;
    const effort = lower(flags.effort, ceiling);
    if (effort !== flags.effort) {
      notes.add(
        wished === undefined
          ? `--effort ${flags.effort} was cut to ${effort}, the operator's limit.`
          : `--effort ${flags.effort} was cut to ${effort} for the ${role}, as effort.${role} of .github/converge.yml says.`,
      );
    }
    return { model, effort };
  };
  const choose = (role: Role): ModelChoices[Role] => {
    const { model, effort } = allowed(role);
    const has = effortOf(model, effort);
    if (has !== effort) notes.add(`The ${role} works with effort ${has} instead of ${effort}, which ${model} does not have.`);
    // Pinned as asked: a call that names another model may be given it.
    return { model, effort };
  };
  const models: ModelChoices = {
    planner: choose('planner'),
    reader: choose('reader'),
    migrator: choose('migrator'),
    reviser: choose('reviser'),
    verifier: choose('verifier'),
  };
  return { models, notes: [...notes] };
}

function plain(value: number): string {
  return value.toLocaleString('en');
}
