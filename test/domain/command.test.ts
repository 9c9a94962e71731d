import { describe, expect, it } from 'vitest';
import { parseComment } from '../../src/domain/command.ts';

function command(body: string): unknown {
  const parsed = parseComment(body);
  return parsed.kind === 'command' ? parsed.command : parsed;
}

describe('parseComment', () => {
  it('reads a migration with flags, prose and the rest of the comment', () => {
    expect(
      command(
        'Hello\n\n/workflow migrate our "tally" tests, don\'t wait --paths "test/**" lib/*.js --budget $5.50 --effort high --reviewers=3\n\nKeep names.\n',
      ),
    ).toEqual({
      name: 'migrate',
      task: 'our "tally" tests, don\'t wait\n\nKeep names.',
      flags: { paths: ['test/**', 'lib/*.js'], budget: 5_500_000, effort: 'high', reviewers: 3, planOnly: false },
    });
  });

  it('reads how a run is stopped, and which shards are tried again', () => {
    expect(command('/workflow stop')).toEqual({ name: 'stop', deliver: false });
    expect(command('/workflow stop --deliver')).toEqual({ name: 'stop', deliver: true });
    expect(command('/workflow retry')).toEqual({ name: 'retry', shards: [] });
    expect(command('/workflow retry a b')).toEqual({ name: 'retry', shards: ['a', 'b'] });
  });

  it.each([
    ['/workflow run house-style', 'house-style', '', {}],
    [
      '/workflow run acme/recipes:x-1 --base next --pilot=2 {"a": "two  spaces", "b": "--base"}\n\nmore',
      'acme/recipes:x-1',
      '{"a": "two  spaces", "b": "--base"}\n\nmore',
      { base: 'next', pilot: 2 },
    ],
    ['/workflow run x --paths "src/**" only "the old ones" --base later', 'x', 'only "the old ones" --base later', { paths: ['src/**'] }],
  ])('reads %j: flags first, then the script’s own, letter for letter', (body, script, args, flags) => {
    expect(command(body)).toEqual({ name: 'run', script, args, flags: { paths: [], planOnly: false, ...flags } });
  });

  it.each([
    ['a quote', '> /workflow stop'],
    ['a quote, lazily continued', '> please do\n/workflow stop'],
    ['a fence', '```\n/workflow stop\n```'],
    ['an open fence', '~~~sh\n/workflow stop'],
    ['indented code', '    /workflow stop'],
    ['inline code', '`/workflow stop`'],
    ['an HTML comment', '<!--\n/workflow stop\n-->'],
    ['a list', '- /workflow stop'],
    ['the middle of a line', 'say /workflow stop'],
    ['another word', '/workflows stop'],
  ])('hears nothing in %s', (_where, body) => {
    expect(parseComment(body).kind).toBe('none');
  });

  it.each([
    ['/workflow', 'Found no command after `/workflow`'],
    ['/workflow migrat x', 'Found the unknown command `migrat`'],
    ['/workflow migrate', 'Found no task after `migrate`'],
    ['/workflow migrate x --fast', 'Found the unknown flag `--fast`'],
    ['/workflow migrate x --budget -3', 'Found `--budget -3`, expected dollars'],
    ['/workflow migrate x --agents 0', 'Found `--agents 0`, expected a whole number'],
    ['/workflow migrate x --effort huge', 'expected one of: low, medium'],
    ['/workflow migrate x --base ../../x', 'expected the name of a branch'],
    ['/workflow migrate x --paths --plan-only', 'Found `--paths` without a glob'],
    ['/workflow approve', 'Found no hash'],
    ['/workflow approve zzz', "expected the plan's hash"],
    ['/workflow budget 20', 'such as `+$20`'],
    ['/workflow drop', 'Found no shard'],
    ['/workflow run', 'Found no name after `run`'],
    ['/workflow run ../x', 'Found `../x`, expected the name of a saved script'],
    ['/workflow run x --base', 'Found `--base `, expected the name of a branch'],
    ['/workflow save Two Words', 'expected one name of lower-case letters'],
    ['/workflow status now', 'Found `now` after `status`, expected nothing'],
    ['/workflow stop now', 'Found `now` after `stop`, expected nothing, or `--deliver`'],
    ['/workflow stop --deliver now', 'Found `--deliver now` after `stop`'],
    ['/workflow stop\n\n/workflow help', 'Found 2 commands'],
  ])('answers %j with what was found and expected', (body, problem) => {
    const parsed = parseComment(body);
    expect(parsed.kind).toBe('malformed');
    expect(parsed.kind === 'malformed' && parsed.problem).toContain(problem);
  });

  it('takes Windows line ends, long dashes and any case of the word', () => {
    expect(command('/WORKFLOW Migrate all —plan-only\r\n\r\nMore.\r\n')).toEqual({
      name: 'migrate',
      task: 'all\n\nMore.',
      flags: { paths: [], planOnly: true },
    });
    expect(command('/workflow approve ABCDEF012345')).toEqual({ name: 'approve', hash: 'abcdef012345' });
    expect(command('/workflow budget +$2.5')).toEqual({ name: 'budget', limit: 'dollars', more: 2_500_000 });
    expect(command('/workflow budget +200 agents')).toEqual({ name: 'budget', limit: 'agents', more: 200 });
    expect(command('/workflow budget +1 hour')).toEqual({ name: 'budget', limit: 'hours', more: 1 });
    expect(command('/workflow revise use “let”\n\n```js\nx\n```')).toEqual({ name: 'revise', text: 'use “let”\n\n```js\nx\n```' });
  });

  it('survives any text', () => {
    for (const body of ['', '\u0000', '/workflow migrate "', '/workflow migrate x --paths "a', '#'.repeat(5000)])
      expect(() => parseComment(body)).not.toThrow();
  });
});

it('a comment that would run a parser out of its stack commands nothing, and does no harm', () => {
  for (const deep of ['> ', '- ', '1. ', '>', '* - > 1. '])
    expect(parseComment(`${deep.repeat(30_000)}x\n\n/workflow stop`)).toEqual({ kind: 'none' });
  const indented = Array.from({ length: 300 }, (_, at) => `${'  '.repeat(at)}- x`).join('\n');
  expect(parseComment(`${indented}\n\n/workflow stop`)).toEqual({ kind: 'none' });
});

it('a comment that would keep a parser busy for long costs no more than its lines', () => {
  for (const slow of ['_a', '*a', '![', '<!', '[x](y "']) {
    const before = process.cpuUsage().user;
    expect(parseComment(slow.repeat(20_000))).toEqual({ kind: 'none' });
    expect((process.cpuUsage().user - before) / 1_000_000).toBeLessThan(2);
  }
});
