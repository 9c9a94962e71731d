import { describe, expect, test } from 'vitest';
import { parseRepositoryConfiguration } from '../../src/domain/repository-configuration.ts';
import type { ConfigurationError } from '../../src/domain/yaml-settings.ts';

function errors(yaml: string): readonly ConfigurationError[] {
  const parsed = parseRepositoryConfiguration(yaml);
  if (parsed.kind !== 'invalid') throw new Error(`expected errors, found ${JSON.stringify(parsed)}`);
  return parsed.errors;
}

describe('consent', () => {
  test('no file is absent; an empty one, or one that does not say enabled: true, is disabled', () => {
    expect(parseRepositoryConfiguration(null)).toEqual({ kind: 'absent' });
    expect(parseRepositoryConfiguration('')).toEqual({ kind: 'disabled' });
    expect(parseRepositoryConfiguration('# nothing yet\n')).toEqual({ kind: 'disabled' });
    expect(parseRepositoryConfiguration('reviewers: 3')).toEqual({ kind: 'disabled' });
  });

  test('enabled: false is disabled, whatever else is wrong', () => {
    expect(parseRepositoryConfiguration('enabled: false\nfoo: 1')).toEqual({ kind: 'disabled' });
  });

  test('a word that is nearly true does not enable', () => {
    expect(errors('enabled: yes')).toEqual([{ key: 'enabled', found: 'the text "yes"', expected: 'true or false' }]);
    expect(errors('enabled: "true"')[0]?.key).toBe('enabled');
  });
});

test('everything that can be said', () => {
  const parsed = parseRepositoryConfiguration(`
enabled: true
setup: npm ci
checks:
  - {name: test, run: npm test, when: shard}
  - {name: types, run: npx tsc, when: converged}
paths: {include: [src/**], exclude: [src/gen/**], protected: [deploy/**]}
limits: {dollars: 12.5, agents: 200, concurrency: 8, turns: 40, minutes: 20}
models: {planner: claude-opus-4-8}
effort: {verifier: max}
reviewers: 3
rounds: 2
approvers: {logins: [octocat], permission: maintain, other_than_requester: true}
requesters: {logins: [kim]}
publish_shards: true
`);
  expect(parsed).toEqual({
    kind: 'enabled',
    configuration: {
      enabled: true,
      setup: 'npm ci',
      checks: [
        { name: 'test', run: 'npm test', when: 'shard' },
        { name: 'types', run: 'npx tsc', when: 'converged' },
      ],
      paths: { include: ['src/**'], exclude: ['src/gen/**'], protected: ['deploy/**'] },
      limits: { dollars: 12.5, agents: 200, concurrency: 8, turns: 40, minutes: 20 },
      models: { planner: 'claude-opus-4-8' },
      effort: { verifier: 'max' },
      reviewers: 3,
      rounds: 2,
      approvers: { logins: ['octocat'], permission: 'maintain', other_than_requester: true },
      requesters: { logins: ['kim'], permission: 'write' },
      publish_shards: true,
    },
  });
});

test('defaults: two reviewers, three rounds, write access approves', () => {
  expect(parseRepositoryConfiguration('enabled: true')).toMatchObject({
    kind: 'enabled',
    configuration: {
      reviewers: 2,
      rounds: 3,
      approvers: { logins: [], permission: 'write', other_than_requester: false },
      requesters: { logins: [], permission: 'write' },
      publish_shards: false,
      checks: [],
      setup: null,
    },
  });
});

describe('errors name the exact key, what was found and what was expected', () => {
  test.each([
    ['limit: 3', 'limit', 'the unknown key limit', 'one of enabled, setup, checks,'],
    ['paths: src', 'paths', 'the text "src"', 'a mapping with include, exclude, protected'],
    ['paths: {include: src}', 'paths.include', 'the text "src"', 'a list of globs'],
    ['paths: {include: [3]}', 'paths.include[0]', '3', 'a glob such as src/**, as text'],
    ['limits: {dollars: -1}', 'limits.dollars', '-1', 'dollars for each run, more than 0'],
    ['limits: {agents: 1.5}', 'limits.agents', '1.5', 'a whole number from 1 to 100,000'],
    ['rounds: 4', 'rounds', '4', 'a whole number from 1 to 3'],
    ['reviewers: 0', 'reviewers', '0', 'a whole number from 1 to 8'],
    ['models: {writer: x}', 'models.writer', 'the unknown key writer', 'one of planner, reader, migrator, reviser, verifier'],
    ['effort: {verifier: lots}', 'effort.verifier', 'the text "lots"', 'one of low, medium, high, xhigh, max'],
    ['approvers: [octocat]', 'approvers', 'a list ["octocat"]', 'a mapping with logins, permission, other_than_requester'],
    ['approvers: {permission: read}', 'approvers.permission', 'the text "read"', 'one of write, maintain, admin'],
    ['checks: [{name: test, run: npm test}]', 'checks[0].when', 'nothing', 'one of shard, converged'],
    ['checks: [{name: My Test, run: x, when: shard}]', 'checks[0].name', 'the text "My Test"', 'lower-case letters'],
    [
      'checks: [{name: a, run: x, when: shard}, {name: a, run: y, when: shard}]',
      'checks[1].name',
      'the text "a"',
      'checks[0] does not have',
    ],
    ['setup: ""', 'setup', 'the text ""', 'the command that installs'],
  ])('%s', (yaml, key, found, expected) => {
    const all = errors(`enabled: true\n${yaml}`);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({ key, found });
    expect(all[0]?.expected).toContain(expected);
  });

  test('all at once, not the first only', () => {
    expect(errors('enabled: true\nrounds: 9\nreviewers: 0\nfoo: 1').map((error) => error.key)).toEqual(['reviewers', 'rounds', 'foo']);
  });

  test('text that is no YAML is told with line and column', () => {
    expect(errors('enabled: true\na: 1\na: 2')).toEqual([
      { key: 'line 3, column 1', found: 'a: 2', expected: 'valid YAML: Map keys must be unique' },
    ]);
    expect(errors('enabled: true\n  bad: [').map((error) => error.key)).toContain('line 2, column 9');
    expect(errors('setup: !!js/function x')[0]?.key).toBe('line 1, column 8');
  });

  test('aliases that grow without bound and files too large are refused', () => {
    const bomb = ['a: &a [1]', 'b: &b [*a,*a,*a,*a,*a,*a,*a,*a]', 'c: &c [*b,*b,*b,*b,*b,*b,*b,*b]', 'enabled: *c'].join('\n');
    expect(errors(bomb)[0]?.expected).toBe('YAML without such aliases');
    expect(errors(`# ${'x'.repeat(70_000)}`)[0]?.expected).toBe('at most 65536 bytes');
  });
});
