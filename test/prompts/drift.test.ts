import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openTerminal } from '../../src/local/terminal.ts';
import { watchRun } from '../../src/local/watch-run.ts';
import { unpack } from './archive.ts';
import { startRecordedClaude } from './recorded-claude.ts';
import { openPlay, TASK } from './scene.ts';

const ROUND = new URL('../../fixtures/prompts/round.json', import.meta.url);

// A changed prompt is no error by itself: play the round again by hand (play.ts), so that somebody has read what changed, and keep it (keep.ts).
it('every prompt is one that a reader has answered by hand', async () => {
  const exchanges = unpack(await readFile(ROUND, 'utf8'));
  const claude = await startRecordedClaude(exchanges);
  onTestFinished(() => claude.close());
  const directory = await mkdtemp(join(tmpdir(), 'converge-drift-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const scene = await openPlay(directory, claude.url);
  onTestFinished(() => scene.close());
  const issue = await scene.person.openIssue('One way to format money', 'We have two ways to format money. Let us have one.');
  const { id } = await scene.person.comment(issue.number, TASK);
  const facts = await watchRun({
    scene,
    run: scene.runOf(id),
    terminal: { ...openTerminal(process.stdout), show: () => undefined },
    onPlan: async ({ planHash }) => {
      await scene.person.comment(issue.number, `/workflow approve ${(planHash ?? '').slice(0, 12)}`);
    },
  });
  expect(claude.drift.join('\n\n')).toBe('');
  expect([...claude.asked].toSorted()).toEqual(exchanges.map((exchange) => exchange.id).toSorted());
  expect({ status: facts.status, accepted: facts.shards.accepted.length }).toEqual({ status: 'completed', accepted: facts.shards.all });
}, 120_000);
