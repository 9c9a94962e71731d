import { expect, test } from 'vitest';
import { MICRO } from '../../src/domain/budget.ts';
import type { MigrateFlags } from '../../src/domain/command.ts';
import type { RepositoryConfiguration } from '../../src/domain/repository-configuration.ts';
import { parseRepositoryConfiguration } from '../../src/domain/repository-configuration.ts';
import type { Settings } from '../../src/domain/run.ts';
import { OPERATOR_DEFAULTS, type OperatorLimits } from '../../src/domain/operator-limits.ts';
import { PROTECTED_PATHS, resolveSettings, type SettingsSources } from '../../src/domain/settings.ts';

function configuration(yaml: string): RepositoryConfiguration {
  const parsed = parseRepositoryConfiguration(`enabled: true\n${yaml}`);
  if (parsed.kind !== 'enabled') throw new Error(JSON.stringify(parsed));
  return parsed.configuration;
}

function resolve(
  options: {
    yaml?: string;
    flags?: Partial<MigrateFlags>;
    operator?: Partial<OperatorLimits>;
    effortOf?: SettingsSources['effortOf'];
    reason?: string;
  } = {},
): Settings {
  return resolveSettings({
    configuration: configuration(options.yaml ?? ''),
    flags: { paths: [], planOnly: false, ...options.flags },
    operator: { ...OPERATOR_DEFAULTS, ...options.operator },
    effortOf: options.effortOf ?? ((_model, wished) => wished),
    base: 'main',
    planOnlyReason: options.reason ?? null,
  });
}

test('people are told where a model does not have the effort that was asked for', () => {
  const { model } = OPERATOR_DEFAULTS.models.migrator;
  const settings = resolve({ flags: { effort: 'max' }, effortOf: (_model, wished) => (wished === 'max' ? 'high' : wished) });
  expect(settings.models.migrator).toEqual({ model, effort: 'max' });
  expect(settings.notes).toContain(`The migrator works with effort high instead of max, which ${model} does not have.`);
});

test('without any wish the operator decides, and nothing is noted', () => {
  const settings = resolve();
  expect(settings.limits).toEqual({
    budget: 50 * MICRO,
    agents: 1_000,
    concurrency: 16,
    reviewers: 2,
    rounds: 3,
    turnsPerAgent: OPERATOR_DEFAULTS.turnsPerAgent,
    secondsPerAgent: OPERATOR_DEFAULTS.secondsPerAgent,
    budgetPerAgent: OPERATOR_DEFAULTS.budgetPerAgent,
  });
  expect(settings.models).toEqual(OPERATOR_DEFAULTS.models);
  expect(settings.base).toBe('main');
  expect(settings.protectedPaths).toEqual(PROTECTED_PATHS);
  expect(settings.notes).toEqual([]);
});

test('tokens, turns and hours of a run: without a limit unless operator or repository set one, and the repository only narrows', () => {
  expect(resolve().limits).not.toHaveProperty('tokens');
  expect(resolve({ yaml: 'limits: {hours: 2.5}' }).limits).toMatchObject({ hours: 2.5 });
  const settings = resolve({ yaml: 'limits: {tokens: 5000, run_turns: 90}', operator: { tokens: 9000, turns: 40, hours: 3 } });
  expect(settings.limits).toMatchObject({ tokens: 5000, turns: 40, hours: 3 });
  expect(settings.notes).toEqual(["Turns of the run 90 (limits.run_turns of .github/converge.yml) was cut to 40, the operator's limit."]);
});

test('each may only narrow: the lower limit holds, and what was cut is told', () => {
  const settings = resolve({
    yaml: 'limits: {dollars: 20, agents: 400, concurrency: 8, turns: 10, minutes: 2}',
    flags: { budget: 30 * MICRO, agents: 5_000, concurrency: 4 },
    operator: { agents: 300 },
  });
  expect(settings.limits).toMatchObject({
    budget: 20 * MICRO,
    agents: 300,
    concurrency: 4,
    turnsPerAgent: 10,
    secondsPerAgent: 120,
  });
  expect(settings.notes).toEqual([
    'Budget $30.00 (--budget) was cut to $20.00, limits.dollars of .github/converge.yml.',
    "Agents 400 (limits.agents of .github/converge.yml) was cut to 300, the operator's limit.",
    "Agents 5,000 (--agents) was cut to 300, the operator's limit.",
  ]);
});

test('an agent never may spend more than its run', () => {
  expect(resolve({ flags: { budget: MICRO } }).limits.budgetPerAgent).toBe(MICRO);
});

test('reviewers are only raised', () => {
  expect(resolve({ flags: { reviewers: 4 } }).limits.reviewers).toBe(4);
  const lowered = resolve({ yaml: 'reviewers: 3', flags: { reviewers: 1 } });
  expect(lowered.limits.reviewers).toBe(3);
  expect(lowered.notes).toEqual(['--reviewers 1 was raised to 3: a command may ask for more verifiers, not for fewer.']);
  expect(resolve({ yaml: 'reviewers: 1', operator: { reviewers: 2 } }).limits.reviewers).toBe(2);
});

test('--effort sets who works, and never lowers who judges', () => {
  const low = resolve({ flags: { effort: 'low' } });
  expect(low.models.migrator.effort).toBe('low');
  expect(low.models.reviser.effort).toBe('low');
  expect(low.models.verifier.effort).toBe('high');
  expect(low.models.planner.effort).toBe('xhigh');
  expect(low.notes).toHaveLength(2);
  const max = resolve({ flags: { effort: 'max' }, operator: { maxEffort: 'xhigh' } });
  expect(max.models.migrator.effort).toBe('xhigh');
  expect(max.models.verifier.effort).toBe('xhigh');
  expect(max.notes).toEqual(["--effort max was cut to xhigh, the operator's limit."]);
});

test("the repository's effort for a role is a ceiling for the flag, and models are its choice", () => {
  const settings = resolve({ yaml: 'effort: {migrator: medium}\nmodels: {migrator: claude-opus-4-8}', flags: { effort: 'xhigh' } });
  expect(settings.models.migrator).toEqual({ model: 'claude-opus-4-8', effort: 'medium' });
  expect(settings.models.reviser.effort).toBe('xhigh');
  expect(settings.notes).toContain('--effort xhigh was cut to medium for the migrator, as effort.migrator of .github/converge.yml says.');
});

test('paths of the command and of the repository both hold', () => {
  const settings = resolve({
    yaml: 'paths: {include: ["src/**"], exclude: ["**/gen/**"], protected: [deploy/**]}',
    flags: { paths: ['src/a/**'], base: 'next' },
  });
  expect(settings.paths).toEqual(['src/a/**']);
  expect(settings.include).toEqual(['src/**']);
  expect(settings.exclude).toEqual(['**/gen/**']);
  expect(settings.protectedPaths).toEqual([...PROTECTED_PATHS, 'deploy/**']);
  expect(settings.base).toBe('next');
});

test('a reason why only planning is possible makes it so, flag or not', () => {
  expect(resolve({ reason: 'from a fork' })).toMatchObject({ planOnly: true, planOnlyReason: 'from a fork' });
  expect(resolve({ flags: { planOnly: true } })).toMatchObject({ planOnly: true, planOnlyReason: null });
});
