import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MICRO } from '../../src/domain/budget.ts';
import type { MigrateFlags } from '../../src/domain/command.ts';
import { EFFORTS, ROLES } from '../../src/domain/effort.ts';
import { maySpend } from '../../src/domain/may-spend.ts';
import { parseOperatorPolicy, type OperatorPolicy } from '../../src/domain/operator-policy.ts';
import { isAtLeast, PERMISSIONS } from '../../src/domain/permission.ts';
import { parseRepositoryConfiguration, type RepositoryConfiguration } from '../../src/domain/repository-configuration.ts';
import { OPERATOR_DEFAULTS, type OperatorLimits, underPolicy } from '../../src/domain/operator-limits.ts';
import { PROTECTED_PATHS, resolveSettings } from '../../src/domain/settings.ts';

const MODELS = ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-opus-4-8', 'claude-haiku-5'] as const;

const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined });
const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { requiredKeys: [] });
const count = (most: number): fc.Arbitrary<number> => fc.integer({ min: 1, max: most });
const limits = record({
  dollars: count(100),
  agents: count(2000),
  concurrency: count(64),
  turns: count(200),
  minutes: count(120),
  tokens: count(1_000_000),
  run_turns: count(10_000),
  hours: count(48),
});
const permission = fc.constantFrom(...PERMISSIONS);
const paths = fc.uniqueArray(fc.constantFrom('infra/**', 'db/**', 'src/auth/**'));

/** By way of YAML, which JSON is: what people write is what is tested. */
const policies: fc.Arbitrary<OperatorPolicy> = record({
  repositories: fc.uniqueArray(fc.constantFrom('octo', 'octo/farm', 'Octo/Barn', 'hexa')),
  models: fc.uniqueArray(fc.constantFrom(...MODELS), { minLength: 1 }),
  effort: fc.constantFrom(...EFFORTS),
  reviewers: count(8),
  limits,
  paths: record({ protected: paths }),
  requesters: record({ permission }),
  approvers: record({ permission, other_than_requester: fc.boolean() }),
  saved_scripts: fc.boolean(),
  publish_shards: fc.boolean(),
  sandbox: fc.constantFrom('bubblewrap', 'none'),
  setup_network: fc.constantFrom('deny', 'allow'),
}).map((wish) => {
  const parsed = parseOperatorPolicy(JSON.stringify(wish));
  if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
  return parsed.policy;
});

const configurations: fc.Arbitrary<RepositoryConfiguration> = record({
  limits,
  reviewers: count(8),
  models: record(Object.fromEntries(ROLES.map((role) => [role, fc.constantFrom<string>(...MODELS)]))),
  effort: record(Object.fromEntries(ROLES.map((role) => [role, fc.constantFrom<string>(...EFFORTS)]))),
  paths: record({ protected: paths }),
  approvers: record({ permission, other_than_requester: fc.boolean() }),
  publish_shards: fc.boolean(),
}).map((wish) => {
  const parsed = parseRepositoryConfiguration(JSON.stringify({ enabled: true, ...wish }));
  if (parsed.kind !== 'enabled') throw new Error(JSON.stringify(parsed));
  return parsed.configuration;
});

const operators: fc.Arbitrary<OperatorLimits> = fc
  .record({
    budget: count(200).map((dollars) => dollars * MICRO),
    agents: count(2000),
    concurrency: count(64),
    tokens: maybe(count(1_000_000)),
    turns: maybe(count(10_000)),
    hours: maybe(count(48)),
    reviewers: count(4),
    maxEffort: fc.constantFrom(...EFFORTS),
    approvers: fc.record({ permission, otherThanRequester: fc.boolean() }),
  })
  .map(({ tokens, turns, hours, ...given }) => {
    const limits = Object.entries({ tokens, turns, hours }).filter(([, value]) => value !== undefined);
    return Object.assign({}, OPERATOR_DEFAULTS, given, Object.fromEntries(limits));
  });

const flagged: fc.Arbitrary<MigrateFlags> = record({
  budget: count(200).map((dollars) => dollars * MICRO),
  agents: count(2000),
  concurrency: count(64),
  reviewers: count(8),
  effort: fc.constantFrom(...EFFORTS),
}).map((flags) => Object.assign(flags, { paths: [], planOnly: false }));

/** None is without end. */
const most = (value: number | undefined): number => value ?? Infinity;
const effortRank = (effort: (typeof EFFORTS)[number]): number => EFFORTS.indexOf(effort);

test('what holds is never wider than any of: operator, policy, repository, flags', () => {
  fc.assert(
    fc.property(operators, policies, configurations, flagged, (operator, policy, configuration, flags) => {
      const above = underPolicy(operator, policy);
      const settings = resolveSettings({
        configuration,
        flags,
        operator: above,
        effortOf: (_model, wished) => wished,
        base: 'main',
        planOnlyReason: null,
      });
      const { limits: held } = settings;
      const levels = [
        {
          budget: operator.budget,
          agents: operator.agents,
          concurrency: operator.concurrency,
          tokens: operator.tokens,
          turns: operator.turns,
          hours: operator.hours,
        },
        ...[policy.limits, configuration.limits].map(({ dollars, agents, concurrency, tokens, run_turns: turns, hours }) => ({
          budget: dollars === undefined ? undefined : dollars * MICRO,
          agents,
          concurrency,
          tokens,
          turns,
          hours,
        })),
        {
          budget: flags.budget,
          agents: flags.agents,
          concurrency: flags.concurrency,
          tokens: undefined,
          turns: undefined,
          hours: undefined,
        },
      ] as const;
      for (const level of levels) {
        expect(held.budget).toBeLessThanOrEqual(most(level.budget));
        expect(held.agents).toBeLessThanOrEqual(most(level.agents));
        expect(held.concurrency).toBeLessThanOrEqual(most(level.concurrency));
        expect(most(held.tokens)).toBeLessThanOrEqual(most(level.tokens));
        expect(most(held.turns)).toBeLessThanOrEqual(most(level.turns));
        expect(most(held.hours)).toBeLessThanOrEqual(most(level.hours));
      }
      for (const { turns, minutes } of [policy.limits, configuration.limits]) {
        expect(held.turnsPerAgent).toBeLessThanOrEqual(most(turns));
        expect(held.secondsPerAgent).toBeLessThanOrEqual(most(minutes) * 60);
      }
      expect(held.budgetPerAgent).toBeLessThanOrEqual(held.budget);
      for (const least of [operator.reviewers, policy.reviewers ?? 0, configuration.reviewers])
        expect(held.reviewers).toBeGreaterThanOrEqual(least);
      for (const role of ROLES) {
        if (policy.models !== undefined) expect(policy.models).toContain(settings.models[role].model);
        for (const ceiling of [operator.maxEffort, policy.effort ?? 'max'])
          expect(effortRank(settings.models[role].effort)).toBeLessThanOrEqual(effortRank(ceiling));
      }
      expect(settings.allowedModels).toEqual(policy.models);
      expect(effortRank(settings.maxEffort ?? 'max')).toBe(Math.min(effortRank(operator.maxEffort), effortRank(policy.effort ?? 'max')));
      expect(settings.protectedPaths).toEqual(
        expect.arrayContaining([...PROTECTED_PATHS, ...policy.paths.protected, ...configuration.paths.protected]),
      );
      for (const least of [operator.approvers.permission, policy.approvers.permission, configuration.approvers.permission])
        expect(isAtLeast(settings.approvers.permission, least)).toBe(true);
      if (operator.approvers.otherThanRequester || policy.approvers.other_than_requester || configuration.approvers.other_than_requester)
        expect(settings.approvers.otherThanRequester).toBe(true);
      if (!policy.publish_shards || !configuration.publish_shards) expect(settings.publishShards).toBe(false);
      if (!policy.saved_scripts) expect(above.savedScripts).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test('a policy that says nothing changes nothing', () => {
  fc.assert(
    fc.property(operators, (operator) => {
      const parsed = parseOperatorPolicy('{}');
      if ('errors' in parsed) throw new Error('an empty policy is one');
      expect(underPolicy(operator, parsed.policy)).toEqual(operator);
    }),
  );
});

test('a repository spends only if every list of the operator has it; nobody does by default', () => {
  const listed = fc.record({
    owners: fc.uniqueArray(fc.constantFrom('octo', 'hexa')),
    repositories: fc.uniqueArray(fc.constantFrom('octo/farm', 'hexa/x')),
  });
  fc.assert(
    fc.property(
      listed,
      policies,
      fc.constantFrom('octo/farm', 'Octo/Barn', 'hexa/x', 'other/farm'),
      ({ owners, repositories }, policy, name) => {
        const [owner = '', repo = ''] = name.split('/');
        const may = maySpend({ allowedOwners: new Set(owners), allowedRepositories: new Set(repositories), policy }, { owner, repo });
        const own = new Set([owner.toLowerCase(), name.toLowerCase()]);
        const byEnvironment = [...owners, ...repositories].some((entry) => own.has(entry));
        const byPolicy = policy.repositories === undefined || policy.repositories.some((entry) => own.has(entry.toLowerCase()));
        expect(may).toBe(byEnvironment && byPolicy);
      },
    ),
  );
  const parsed = parseOperatorPolicy('{}');
  if ('errors' in parsed) throw new Error('an empty policy is one');
  expect(
    maySpend({ allowedOwners: new Set(), allowedRepositories: new Set(), policy: parsed.policy }, { owner: 'octo', repo: 'farm' }),
  ).toBe(false);
});

test('a model that is replaced is told', () => {
  const parsed = parseRepositoryConfiguration('enabled: true\nmodels: {migrator: claude-opus-4-8}');
  if (parsed.kind !== 'enabled') throw new Error('wrong');
  const settings = resolveSettings({
    configuration: parsed.configuration,
    flags: { paths: [], planOnly: false },
    operator: { ...OPERATOR_DEFAULTS, allowedModels: ['claude-sonnet-5-5'] },
    effortOf: (_model, wished) => wished,
    base: 'main',
    planOnlyReason: null,
  });
  expect(settings.models.migrator.model).toBe('claude-sonnet-5-5');
  expect(settings.notes).toEqual([
    'models.migrator claude-opus-4-8 (.github/converge.yml) was replaced by claude-sonnet-5-5: the operator allows claude-sonnet-5-5.',
  ]);
});
