import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERE } from './github.ts';
import { type Begun, openScene, type Scene, TASK, withScene } from './support.ts';
import { plain } from './waiting.ts';

/* What goes wrong around a run, and how it ends well all the same, or says what happened. */

const BOT = 'converge[bot]';
/** As short as they can be: what is waited for is that something comes, never that time passes. */
const WAITS = {
  firstBackoff: 5,
  longestBackoff: 20,
  firstProbe: 5,
  longestProbe: 5,
  tries: 5,
  retriesMs: 5,
  retryWaits: 5,
  limitWaitMs: 5,
  redriveMs: 600,
  ciGraceMs: 200,
};

/** Three files to migrate are enough. */
const LESS = { 'test/text/table.test.js': null, 'test/text/wrap.test.js': null };

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ tests: ['text'], files: LESS, ci: false, waits: WAITS });
}, 60_000);

afterAll(() => scene.close());

async function approve({ issue }: Pick<Begun, 'issue'>, hash: string): Promise<void> {
  await scene.robin.say(issue, `/workflow approve ${hash.slice(0, 12)}`);
}

function postsOn(number: number): readonly string[] {
  const { comments, reviews } = scene.hub.state;
  return [
    ...[...comments.values()]
      .filter((post) => post.issueNumber === number && post.author.login === BOT)
      .map(({ body }) => body.split('\n', 1)[0] ?? ''),
    ...[...reviews.values()]
      .filter((post) => post.pullNumber === number && post.author.login === BOT)
      .map(({ body }) => body.split('\n', 1)[0] ?? ''),
  ];
}

describe('the model service', () => {
  it('answers 429, 529, 500 and breaks off: all of it is waited out', { timeout: 120_000 }, async () => {
    const limit = {
      kind: 'error',
      status: 429,
      headers: { 'retry-after-ms': '5' },
      error: { type: 'rate_limit_error', message: 'Too many requests' },
    } as const;
    const overloaded = { kind: 'error', status: 529, error: { type: 'overloaded_error', message: 'Overloaded' } } as const;
    const fault = { kind: 'error', status: 500, error: { type: 'api_error', message: 'Internal server error' } } as const;
    const when = { model: 'claude-sonnet-5-5' };
    scene.claude.faults.next(limit, overloaded, fault, { kind: 'broken', afterEvents: 0 });
    for (const one of [limit, overloaded, fault, { kind: 'broken', afterEvents: 3 } as const]) scene.claude.faults.next({ ...one, when });
    const { facts } = await scene.through();
    expect(facts).toMatchObject({ status: 'completed', agents: { failed: 0 } });
    expect(scene.claude.faults.waiting).toBe(0);
    expect(scene.log.filter((line) => line.includes('pauses'))).toEqual([]);
  });

  it('is down: the run pauses, says so, and goes on by itself', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    // Enough for the few that are taken for chance, because others were answered before, and for each wait of the class.
    scene.claude.faults.next({ kind: 'error', status: 529, times: 24, error: { type: 'overloaded_error', message: 'Overloaded' } });
    await approve(begun, planHash);
    const paused = await scene.paused(begun.run);
    expect(paused.why).toMatch(/^The model service did not answer in \d tr(?:y|ies) \(last: 529 overloaded_error: Overloaded\)/u);
    expect((await scene.ended(begun.run)).status).toBe('completed');
  });

  it('has a spending limit: the status comment says it, and what to do', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    const message = 'You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.';
    scene.claude.faults.next({ kind: 'error', status: 400, error: { type: 'invalid_request_error', message } });
    await approve(begun, planHash);
    const said = await scene.until('the status comment to say it', () =>
      scene.ours(begun.issue).find((body) => body.startsWith('### ⏸️ Paused')),
    );
    expect(said).toContain('The model account has reached a spending limit of its own');
    expect(said).toContain('raise the limit or add credit');
    expect((await scene.ended(begun.run)).status).toBe('completed');
  });

  it('may cost no more than the run’s budget: it pauses with what it has', { timeout: 120_000 }, async () => {
    await withScene({ tests: ['text', 'stats', 'parse', 'collections', 'grids'], ci: false, waits: WAITS }, async (small) => {
      const begun = await small.begin(`${TASK} --budget $0.60`);
      const { planHash } = await small.planned(begun.run);
      await small.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      const paused = await small.paused(begun.run);
      expect(paused.why).toMatch(/\$0\.\d\d of the run's limit of \$0\.60 are used, and the next request to the model may take \$0\.\d\d/u);
      expect(paused.dollars).toBeLessThanOrEqual(0.6);
      expect(await small.reply(begun.issue, await small.robin.say(begun.issue, '/workflow stop'))).toContain('Stopped.');
    });
  });
});

describe('GitHub', () => {
  it('answers 5xx, limits and silence: nothing is lost, and nothing is there twice', { timeout: 120_000 }, async () => {
    const { faults } = scene.hub;
    const path = (end: string): RegExp => new RegExp(`^/repos/acme/tally/${end}$`, 'u');
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    const number = (await scene.facts(begun.run))?.pullRequest?.number ?? 0;
    faults.next({ method: 'POST', path: path(`pulls/${number}/reviews`) }, { kind: 'dropped', done: true });
    faults.next({ method: 'POST', path: path(`pulls/${number}/reviews`) }, { kind: 'status', status: 502 });
    faults.next({ method: 'POST', path: path(`pulls/${number}/reviews`) }, { kind: 'secondary-limit', status: 403, retryAfter: 0 });
    faults.next({ method: 'POST', path: path('check-runs') }, { kind: 'abuse' });
    faults.next({ method: 'PATCH', path: path('pulls/\\d+') }, { kind: 'secondary-limit', status: 429, retryAfter: 0 });
    faults.next({ method: 'PATCH', path: path('check-runs/\\d+') }, { kind: 'status', status: 500 });
    faults.next({ method: 'PATCH', path: path('issues/comments/\\d+') }, { kind: 'dropped', done: false });
    faults.next({ method: 'GET', path: path('commits/[0-9a-f]+/check-runs') }, { kind: 'status', status: 503 });
    faults.next({ method: 'POST', path: /^\/graphql$/u }, { kind: 'status', status: 502 });
    await approve(begun, planHash);
    const facts = await scene.ended(begun.run);
    expect(facts.status).toBe('completed');
    const reviews = postsOn(number);
    expect(reviews.toSorted()).toEqual(['### ✅ Accepted: `groundwork`', '### ✅ Accepted: `test-text`']);
    await scene.until('the status comment', () => scene.ours(begun.issue)[0]?.startsWith('### ✅ Completed'));
  });

  it.each([
    [404, 'Expected it to exist and to be visible. Check that it was not deleted'],
    [422, 'Expected GitHub to accept what was sent'],
    [403, 'Expected the App to have the permission'],
  ])('refuses with %i: the run ends, with what was found and what to do', async (status, advice) => {
    scene.hub.faults.next({ method: 'POST', path: /^\/repos\/acme\/tally\/pulls$/u }, { kind: 'status', status, message: 'No, thank you' });
    const begun = await scene.begin();
    const facts = await scene.ended(begun.run);
    expect(facts.status).toBe('failed');
    expect(facts.why).toContain(`GitHub answered ${status} to POST /api/v3/repos/acme/tally/pulls: No, thank you.`);
    expect(facts.why).toContain(advice);
    await scene.until('the status comment to say it', () =>
      scene.ours(begun.issue).some((body) => body.startsWith('### ❌ Failed') && body.includes(advice)),
    );
  });
});

describe('people', () => {
  it('push to the run’s branch: Converge goes on, on top of them', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    const theirs = await scene.push(`converge/${begun.run}`, { 'NOTES.md': 'Mind the gap.\n' }, 'A note by hand');
    await approve(begun, planHash);
    expect((await scene.ended(begun.run)).status).toBe('completed');
    const chain = (await scene.git('log', '--reverse', '--format=%an', `${theirs}^..converge/${begun.run}`)).split('\n');
    expect(chain).toEqual(['robin', BOT, BOT]);
    expect(await scene.git('show', `converge/${begun.run}:NOTES.md`)).toBe('Mind the gap.');
  });

  it('D6 push what a shard changes too: it is made again on top of theirs, or left over with the paths', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    const path = 'test/text/plural.test.js';
    const text = (await scene.git('show', `main:${path}`)).replaceAll("'plural'", "'plurals, by hand'");
    await scene.push(`converge/${begun.run}`, { [path]: `${text}\n` }, 'Another title');
    await approve(begun, planHash);
    const facts = await scene.ended(begun.run);
    const now = await scene.git('show', `converge/${begun.run}:${path}`);
    expect(now).toContain('plurals, by hand');
    if (facts.status === 'completed') expect(now).toContain("from 'node:test'");
    else {
      const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: facts.pullRequest?.number ?? 0 });
      expect(plain(data.body)).toMatch(new RegExp(`${path}.*conflicts with what was pushed to the branch: .*${path}`, 'u'));
    }
  });

  it('stop it in the middle: it ends at once and says what it cost', { timeout: 120_000 }, async () => {
    await withScene({ tests: ['text'], files: LESS, ci: false, latencyMs: 400 }, async (slow) => {
      const begun = await slow.begin();
      const { planHash } = await slow.planned(begun.run);
      await slow.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      await slow.until('agents at work', async () =>
        (await slow.facts(begun.run))?.phases.some(({ phase, running }) => phase === 'Migrate' && running > 0),
      );
      const asked = Date.now();
      const reply = await slow.reply(begun.issue, await slow.robin.say(begun.issue, '/workflow stop'));
      expect(Date.now() - asked).toBeLessThan(20_000);
      expect(reply).toMatch(/^Stopped\. Nothing was delivered\. .* It cost \$\d+\.\d\d\./u);
      const facts = await slow.ended(begun.run);
      expect(facts).toMatchObject({ status: 'stopped', agents: { running: 0 }, ledger: { 'not-started': 3, migrated: 0 } });
    });
  });
});

describe('the base branch', () => {
  it('moves a little before the approval: the plan stands', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { planHash } = await scene.planned(begun.run);
    await scene.push('main', { 'src/later.js': 'export const later = true;\n' });
    await approve(begun, planHash);
    expect((await scene.ended(begun.run)).status).toBe('completed');
    expect(scene.ours(begun.issue).filter((body) => body.startsWith('## Plan'))).toHaveLength(1);
  });

  it('moves far before the approval: it is planned again, with the reason, and approved anew', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const first = await scene.planned(begun.run);
    const changed = await Promise.all(
      ['plural', 'slug'].map(
        async (name) => [`test/text/${name}.test.js`, `// moved\n${await scene.git('show', `main:test/text/${name}.test.js`)}\n`] as const,
      ),
    );
    const moved = await scene.push('main', Object.fromEntries(changed));
    await approve(begun, first.planHash);
    const second = await scene.planned(begun.run, first.planHash);
    const shown = scene.ours(begun.issue).filter((body) => body.startsWith('## Plan'));
    expect(shown).toHaveLength(2);
    expect(shown[1]).toMatch(/^## Plan, revised \(2\)/u);
    expect(shown[1]).toContain(moved.slice(0, 12));
    expect(shown[1]).toMatch(
      /\*\*Planned again:\*\* `main` moved to [0-9a-f]{12} before the approval, and 2 of the 3 files of the inventory changed with it/u,
    );
    await approve(begun, second.planHash);
    expect((await scene.ended(begun.run)).status).toBe('completed');
    expect(await scene.git('merge-base', 'main', `converge/${begun.run}`)).toBe(moved);
  });
});
