import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storedEvent } from '../../src/journal/event-schema.ts';
import type { StoredEvent } from '../../src/domain/events.ts';
import type { RunFacts } from '../../src/local/scene.ts';
import { HERE } from './github.ts';
import { type Begun, openScene, type Scene } from './support.ts';
import { plain } from './waiting.ts';

/* Honest endings (facts/dynamic-workflows.md §5): a run in which most agents die says so, everywhere and by name. */

let scene: Scene;
let begun: Begun;
let facts: RunFacts;

const REFUSAL = {
  kind: 'answer',
  text: 'No.',
  stop_reason: 'refusal',
  stop_details: { type: 'refusal', category: 'cyber', explanation: 'It looks dangerous.' },
} as const;

beforeAll(async () => {
  const files = Object.fromEntries(
    ['text/table', 'text/wrap', 'text/quote', 'text/plural', 'parse/csv', 'parse/query', 'stats/histogram', 'stats/mean'].map((name) => [
      `test/${name}.test.js`,
      null,
    ]),
  );
  scene = await openScene({ tests: ['text', 'stats', 'parse'], files, ci: false, latencyMs: 30, waits: { ciGraceMs: 200 } });
  begun = await scene.begin();
  const { planHash } = await scene.planned(begun.run);
  await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
  // The foundation stands, and two of the three that follow are refused by the model.
  await scene.until('the foundation', async () => ((await scene.facts(begun.run))?.shards.accepted.length ?? 0) > 0);
  scene.claude.faults.next({ ...REFUSAL, times: 2, when: { tool: 'write' } });
  facts = await scene.ended(begun.run);
}, 150_000);

afterAll(() => scene.close());

function events(): readonly StoredEvent[] {
  const database = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    return database
      .prepare('SELECT scope, n, at, body FROM event ORDER BY id')
      .all()
      .map((row) => storedEvent.parse(row));
  } finally {
    database.close();
  }
}

async function body(): Promise<string> {
  const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: facts.pullRequest?.number ?? 0 });
  return plain(data.body);
}

describe('A1 most agents die', () => {
  it('the run is partial and never completed; files of dead agents are named', async () => {
    expect(facts.status).toBe('partial');
    expect(facts.shards.leftOver).toHaveLength(2);
    const text = await body();
    expect(text).toMatch(/^## 🟡 Partial: /mu);
    for (const { shard } of facts.shards.leftOver) expect(text).toContain(shard);
  });

  it('the pull request has a census by phase: started, finished, failed, and why', async () => {
    const migrate = facts.phases.find(({ phase }) => phase === 'Migrate');
    expect(migrate).toMatchObject({ failed: 2, running: 0 });
    expect((migrate?.started ?? 0) - (migrate?.finished ?? 0)).toBe(2);
    const text = await body();
    expect(text).toMatch(/\| Migrate \| \d+ \| 0 \| \d+ \| 2 \| 2 × /u);
    expect(text).toContain('It looks dangerous.');
  });

  it('the check run asks for a person: neutral would pass a required check', () => {
    const check = [...scene.hub.state.checkRuns.values()].findLast(({ suite }) => suite.app.slug === 'converge');
    expect(check?.conclusion).toBe('action_required');
  });
});

it('A2 every null of the script has a cause in the journal, and the pull request tells it', async () => {
  const nulls = events().flatMap(({ event }) =>
    event.type === 'call.settled' && event.outcome.kind === 'null' ? [event.outcome.cause] : [],
  );
  expect(nulls.length).toBeGreaterThanOrEqual(2);
  for (const cause of nulls) expect(cause).toMatch(/\S/u);
  const text = await body();
  for (const { reason } of facts.shards.leftOver) {
    expect(reason).toContain('It looks dangerous.');
    expect(text).toContain('It looks dangerous.');
  }
});

describe('A4 every run ends with a terminal event, and nothing of it comes after', () => {
  const last = (run: string): StoredEvent['event'] | undefined =>
    events().findLast(({ scope, event }) => scope === run && (event.type !== 'step.done' || !event.step.startsWith('shown')))?.event;

  it('partial', () => {
    expect(last(begun.run)).toMatchObject({ type: 'run.ended', status: 'partial' });
  });

  it('stopped before a plan was approved', { timeout: 100_000 }, async () => {
    const other = await scene.begin();
    await scene.planned(other.run);
    await scene.robin.say(other.issue, '/workflow stop');
    expect((await scene.ended(other.run)).status).toBe('stopped');
    expect(last(other.run)).toMatchObject({ type: 'run.ended', status: 'stopped' });
  });

  it('failed: no plan could be made', { timeout: 100_000 }, async () => {
    scene.claude.faults.next({ ...REFUSAL, when: { tool: 'submit' } });
    const other = await scene.begin();
    expect((await scene.ended(other.run)).status).toBe('failed');
    expect(last(other.run)).toMatchObject({ type: 'run.ended', status: 'failed' });
  });
});
