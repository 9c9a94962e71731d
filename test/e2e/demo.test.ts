import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type Ended, program } from './program.ts';

/* `npm run demo`, as a person runs it: a process, its words, its exit code, and what it leaves. */

const count = z.int().nonnegative();
const Ci = z.object({ kind: z.literal('finished'), checks: z.array(z.object({ name: z.string(), conclusion: z.string() })) });
/** The form of `--json`. */
const Result = z.strictObject({
  status: z.string(),
  pullRequest: z.strictObject({ url: z.url(), number: count, commits: count, reviews: count, body: z.string() }),
  checkRun: z.strictObject({ conclusion: z.string() }),
  ci: z.object({ base: Ci, head: Ci }),
  ledger: z.record(z.string(), count),
  agents: z.strictObject({ started: count, finished: count, failed: count, peak: count }),
  tokens: z.strictObject({ input: count, output: count, cacheRead: count, cacheWrite: count }),
  dollars: z.number().positive(),
  seconds: z.number().positive(),
  pushes: count,
  githubWrites: count,
});

/** `temporary` is a directory for everything that it makes. */
function demo(temporary: string, args: readonly string[], changes: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return program('local/demo.ts', args, { TMPDIR: temporary, ...changes });
}

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'converge-demo-test-'));
});

afterAll(() => rm(root, { recursive: true, force: true }));

it('migrates the repository and tells the truth about it', { timeout: 240_000 }, async () => {
  const temporary = await mkdtemp(join(root, 'tmp-'));
  const json = join(root, 'result.json');
  const { code, text } = await demo(temporary, ['--json', json]);
  expect({ code, text }).toMatchObject({ code: 0 });

  const result = Result.parse(JSON.parse(await readFile(json, 'utf8')));
  expect(result).toMatchObject({
    status: 'partial',
    checkRun: { conclusion: 'action_required' },
    ledger: { 'left-over': 1, skipped: 1 },
    ci: { base: { checks: [{ name: 'test', conclusion: 'success' }] }, head: { checks: [{ name: 'test', conclusion: 'success' }] } },
    agents: { failed: 0 },
    pushes: 2,
  });
  expect(result.ledger['migrated']).toBeGreaterThanOrEqual(24);
  expect(result.pullRequest.commits).toBe(result.pullRequest.reviews + 1);
  expect(result.agents.started).toBe(result.agents.finished);
  expect(result.agents.peak).toBeLessThanOrEqual(16);
  expect(result.pullRequest.body).toContain(`${result.ledger['migrated']} migrated and verified`);

  for (const part of [
    result.pullRequest.url,
    'Partial',
    '1  left-over',
    'CI:            base test success → head test success',
    'Waiting for approval',
    'test-grids',
  ])
    expect(text).toContain(part);
  // A pipe is no terminal: plain lines, and nothing that moves a cursor.
  expect(text).not.toContain('\u001B[');

  expect(await readdir(temporary)).toEqual([]);
  expect(await processesWith(temporary)).toEqual([]);
});

/** Processes that live on with this directory in their environment. */
async function processesWith(temporary: string): Promise<readonly string[]> {
  const all = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/u.test(name));
  const environments = await Promise.all(
    all.map(async (id) => [id, await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '')] as const),
  );
  return environments.filter(([, text]) => text.includes(`TMPDIR=${temporary}\0`)).map(([id]) => id);
}

describe('what cannot be done', () => {
  it('says that git is missing', async () => {
    const { code, text } = await demo(root, [], { PATH: join(root, 'no-programs') });
    expect(code).toBe(1);
    expect(text).toMatch(/`git` was not found on PATH\. Install git 2\.38 or newer/u);
  });

  it.each([
    [['--budget', 'much'], 'Found --budget much, expected dollars above zero.'],
    [['--fast'], "Unknown option '--fast'"],
    [['--real'], 'Found no ANTHROPIC_API_KEY, expected one for --real.'],
  ])('%j is told with the usage', async (args, words) => {
    const { code, text } = await demo(root, args);
    expect(code).toBe(2);
    expect(text).toContain(words);
  });
});
