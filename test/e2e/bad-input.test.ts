import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { FaultInput } from '../../src/local/claude/faults.ts';
import { openScene, TASK, withScene } from './support.ts';

/*
 * The "Bad input" of the main job, numbered. What can be seen only on a whole run is tested here; the rest where it is nearest, and the table names the test, word for word:
 * a row whose test went away is red.
 */

const ELSEWHERE: readonly (readonly [number: number, what: string, file: string, title: string])[] = [
  [1, 'malformed command', 'e2e/commands.test.ts', '%j gets the right form'],
  [2, 'unknown flag', 'e2e/commands.test.ts', 'Found the unknown flag `--pathes`'],
  [3, 'not enabled', 'e2e/commands.test.ts', 'is needed from the default branch'],
  [4, 'invalid configuration', 'e2e/commands.test.ts', 'is refused with the exact key when it is not valid'],
  [5, 'no write access', 'e2e/commands.test.ts', 'refuses a person without write access once'],
  [6, 'empty inventory', 'plan/validate.test.ts', 'The inventory is empty'],
  [7, 'script that does not parse', 'plan/validate.test.ts', 'a script that does not parse is told with its place'],
  [8, 'script that loops for ever', 'script/hostile.test.ts', 'a script that never ends'],
  [9, 'script that eats memory', 'script/hostile.test.ts', 'a script that eats memory'],
  [10, 'script that awaits what never comes', 'script/hostile.test.ts', 'a script that waits for what never comes'],
  [
    11,
    'script that calls with wrong arguments',
    'script/dialect.test.ts',
    'are told with what was found, what was expected and the place of the call',
  ],
  [12, 'plan with overlapping shards', 'plan/validate.test.ts', 'one file in two shards'],
  [13, 'plan with a cycle in `after`', 'plan/sharding.test.ts', 'a cycle is an error that names the shards'],
  [14, 'model that answers nonsense', 'agents/conversation.test.ts', 'what fails the schema or the examination goes back'],
  [15, 'model that refuses', 'agents/conversation.test.ts', 'a refusal ends as refused with its category'],
  [16, 'model that is cut off by max_tokens', 'agents/conversation.test.ts', 'cut off twice is exhausted'],
  [
    17,
    'model that is down: 429, 529, 500, broken stream',
    'e2e/resilience.test.ts',
    'is down: the run pauses, says so, and goes on by itself',
  ],
  [18, 'spending limit of the model account', 'e2e/resilience.test.ts', 'has a spending limit: the status comment says it, and what to do'],
  [19, 'GitHub that answers 403, 404, 422', 'e2e/resilience.test.ts', 'refuses with %i: the run ends, with what was found and what to do'],
  [20, 'GitHub that answers 5xx or a secondary limit', 'e2e/resilience.test.ts', 'answers 5xx, limits and silence'],
  [21, 'base branch that moved', 'e2e/resilience.test.ts', 'moves far before the approval'],
  [22, 'branch pushed to by a person', 'e2e/resilience.test.ts', 'push to the run’s branch: Converge goes on, on top of them'],
  [23, 'missing `git`', 'e2e/demo.test.ts', 'says that git is missing'],
  [24, 'data directory that is not writable', 'e2e/start.test.ts', 'a data directory that cannot be written'],
];

it.each(ELSEWHERE)('%i. %s: tested in test/%s', async (_number, _what, file, title) => {
  const text = await readFile(fileURLToPath(new URL(`../${file}`, import.meta.url)), 'utf8');
  expect(text).toContain(title);
});

describe('on a whole run', () => {
  it('an empty inventory is refused before anything is changed, and the issue says why', { timeout: 120_000 }, async () => {
    await withScene({ tests: ['text'], ci: false }, async (scene) => {
      const begun = await scene.begin(`${TASK} --paths docs/**`);
      const facts = await scene.ended(begun.run);
      expect(facts).toMatchObject({ status: 'failed', pullRequest: null });
      expect(facts.why).toMatch(/docs\/\*\*/u);
      expect(facts.why).toMatch(/[Ee]xpected/u);
      await scene.until('the status comment to say it', () =>
        scene.ours(begun.issue).some((body) => body.startsWith('### ❌ Failed') && body.includes('docs/')),
      );
      expect(await scene.git('branch', '--list', 'converge/*')).toBe('');
    });
  });

  it('a planner that answers nonsense and then refuses ends the run with its words', { timeout: 120_000 }, async () => {
    await withScene({ tests: ['text'], ci: false }, async (scene) => {
      const when = { model: 'claude-opus-5-5' };
      const nonsense = {
        kind: 'answer',
        when,
        tools: [{ name: 'submit', input: { nonsense: true } }],
        stop_reason: 'tool_use',
      } satisfies FaultInput;
      scene.claude.faults.next(nonsense, {
        kind: 'answer',
        when,
        stop_reason: 'refusal',
        stop_details: { type: 'refusal', category: 'cyber', explanation: 'Not this.' },
      });
      const facts = await scene.ended((await scene.begin()).run);
      expect(facts.status).toBe('failed');
      expect(facts.why).toContain('No plan that can be carried out was made');
      expect(facts.why).toMatch(/refused.*cyber/u);
    });
  });

  it('a migrator that is cut off or refuses leaves its shard over, and the report says why', { timeout: 120_000 }, async () => {
    const scene = await openScene({ tests: ['text', 'collections'], ci: false, waits: { ciGraceMs: 200, retryWaits: 5 } });
    try {
      const begun = await scene.begin();
      const { planHash } = await scene.planned(begun.run);
      const when = { model: 'claude-sonnet-5-5' };
      // The foundation shard, which the others need, is refused at its first request.
      scene.claude.faults.next({
        kind: 'answer',
        when,
        stop_reason: 'refusal',
        stop_details: { type: 'refusal', category: 'cyber', explanation: 'Not this.' },
      });
      await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      const facts = await scene.ended(begun.run);
      expect(['failed', 'partial']).toContain(facts.status);
      expect(facts.shards.leftOver.map(({ reason }) => reason).join('\n')).toMatch(/refused[\s\S]*cyber/u);
    } finally {
      await scene.close();
    }
  });
});
