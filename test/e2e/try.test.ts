import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LocalClaude, startLocalClaude } from '../../src/local/claude/server.ts';
import { type Ended, program } from './program.ts';
import { writeRepository } from './repository.ts';
import { TASK } from './support.ts';

/* `npm run try` on a repository of one's own; the scripted Claude stands in for the real one. */

const run = promisify(execFile);

let root: string;
let repository: string;
let claude: LocalClaude;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'converge-try-test-'));
  repository = join(root, 'mine');
  claude = await startLocalClaude();
  await writeRepository(repository, { tests: ['text', 'grids'], files: { '.github/converge.yml': null } });
  await git('init', '--quiet', '--initial-branch=trunk');
  await git('add', '--all');
  await git('-c', 'user.name=me', '-c', 'user.email=me@localhost', 'commit', '--quiet', '-m', 'Mine');
});

afterAll(async () => {
  await claude.close();
  await rm(root, { recursive: true, force: true });
});

async function git(...args: readonly string[]): Promise<string> {
  return (await run('git', [...args], { cwd: repository })).stdout.trimEnd();
}

async function tryOn(
  args: readonly string[],
  changes: Readonly<Record<string, string>> = {},
): Promise<Ended & { readonly left: readonly string[] }> {
  const temporary = await mkdtemp(join(root, 'tmp-'));
  const ended = await program('local/try.ts', args, {
    TMPDIR: temporary,
    ANTHROPIC_API_KEY: 'x',
    ANTHROPIC_BASE_URL: claude.url,
    ...changes,
  });
  return { ...ended, left: await readdir(temporary) };
}

it('migrates a copy, and fetches the result as a branch; nothing else of the repository changes', { timeout: 180_000 }, async () => {
  const before = { head: await git('rev-parse', 'HEAD'), branch: await git('branch', '--show-current') };
  const { code, text, left } = await tryOn([repository, TASK, '--yes', '--fetch']);
  expect({ code, text }).toMatchObject({ code: 0 });
  expect(left).toEqual([]);

  expect({ head: await git('rev-parse', 'HEAD'), branch: await git('branch', '--show-current') }).toEqual(before);
  expect(await git('status', '--porcelain')).toBe('');
  const branches = (await git('branch', '--format=%(refname:short)')).split('\n');
  expect(branches).toEqual([expect.stringMatching(/^converge\/[0-9a-f]{10}$/u), 'trunk']);
  const result = branches[0] ?? '';
  expect(await git('merge-base', 'trunk', result)).toBe(before.head);
  const changed = (await git('diff', '--name-only', `trunk..${result}`)).split('\n');
  expect(changed).toContain('test/text/pad.test.js');
  expect(changed.filter((path) => path.startsWith('.github/'))).toEqual([]);
  expect(await git('show', `${result}:test/text/pad.test.js`)).toContain("from 'node:test'");

  for (const part of ['## Plan: ', 'Partial', 'test-grids', `Fetched: git -C ${repository} log ${result}`, '### Where to look first'])
    expect(text).toContain(part);
});

describe('what cannot be done', () => {
  it.each([
    ['no arguments', [], {}, 'usage: npm run try'],
    ['no command', ['.', 'please migrate'], {}, 'Found no command in "please migrate"'],
    ['another command', ['.', '/workflow help'], {}, 'Found `help`, expected `migrate`'],
    ['a malformed one', ['.', '/workflow migrate x --agents none'], {}, 'Found `--agents none`, expected a whole number above zero'],
    ['an unknown option', ['.', TASK, '--now'], {}, "Unknown option '--now'"],
    ['no key', ['.', TASK], { ANTHROPIC_API_KEY: '' }, 'Found no ANTHROPIC_API_KEY, expected one'],
  ])('%s is told', async (_what, args, changes, words) => {
    const { code, text } = await tryOn(args, changes);
    expect(code).toBe(2);
    expect(text).toContain(words);
  });

  it.each([
    ['no directory', 'nowhere', /Found no directory at .*nowhere, expected a git repository/u],
    ['no repository', 'plain', /Found no git repository with a commit at .*plain/u],
  ])('%s is told', async (_what, name, words) => {
    const path = join(root, name);
    if (name === 'plain') await writeRepository(path, { tests: [] });
    const { code, text } = await tryOn([path, TASK]);
    expect(code).toBe(1);
    expect(text).toMatch(words);
  });
});
