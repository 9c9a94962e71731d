import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Ledger } from '../../src/domain/ledger.ts';
import { trusted } from '../../src/journal/trusted.ts';
import { type Begun, openScene, type Scene, type SceneOptions } from './support.ts';

/* SIGKILL, at points spread evenly over the events of the whole journal; the end is that of a run that nobody disturbed (invariant 4). */

/** Kills; each run that is disturbed takes every third of them. */
const KILLS = 14;
const RUNS = 3;

/** Foundation, two directories with a revision in one of them, and one that is left over. The latency lets kills meet responses that are under way. */
const OPTIONS: SceneOptions = {
  tests: ['text', 'stats', 'grids'],
  files: {
    'test/text/table.test.js': null,
    'test/text/wrap.test.js': null,
    'test/text/quote.test.js': null,
    'test/stats/histogram.test.js': null,
  },
  latencyMs: 15,
};

interface End {
  readonly tree: string;
  /** Message, author and files of each commit; in no order, since shards land in the order in which they were accepted. */
  readonly commits: readonly string[];
  /** For each commit of the branch, oldest first, how many parents it has. */
  readonly parents: readonly number[];
  readonly status: string;
  readonly ledger: Ledger;
  /** What there is on GitHub of our App: how many of each. */
  readonly posts: Readonly<Record<string, number>>;
  readonly pushes: number;
  readonly events: number;
  readonly answered: number;
  /** Responses that are stored. */
  readonly stored: number;
  readonly repeated: number;
}

let undisturbed: End;

beforeAll(async () => {
  undisturbed = await play([]).then(({ end }) => end);
}, 180_000);

describe(`killed at ${KILLS} points of the journal`, () => {
  for (let first = 0; first < RUNS; first += 1) {
    const points = Array.from({ length: KILLS }, (_, at) => at).filter((at) => at % RUNS === first);
    it(`ends the same after kills ${points.map((at) => at + 1).join(', ')}`, { timeout: 240_000 }, async () => {
      const { end, unfinished } = await play(points.map((at) => Math.round(((at + 0.5) / KILLS) * undisturbed.events)));
      // Commit ids differ, since they hold the journal's dates; everything else that a commit is made of is the same.
      expect(end.tree).toBe(undisturbed.tree);
      expect(end.commits).toEqual(undisturbed.commits);
      expect(end.parents).toEqual(undisturbed.parents);
      expect(end.status).toBe(undisturbed.status);
      expect(end.ledger).toEqual(undisturbed.ledger);
      expect(end.posts).toEqual(undisturbed.posts);
      expect(end.pushes).toBe(undisturbed.pushes);
      // The same conversations, word for word; asked again is at most what a kill met before its response was stored.
      expect(end.stored).toBe(undisturbed.stored);
      expect(end.answered - end.stored).toBeLessThanOrEqual(unfinished);
      expect(end.repeated).toBeLessThanOrEqual(unfinished);
    });
  }
});

const STORED = "SELECT count(*) AS n FROM checkpoint WHERE part = 'response'";

/** One run, killed when the journal has so many events, each time started again; `unfinished` is how many requests to the model a kill met before their response was stored. */
async function play(points: readonly number[]): Promise<{ readonly end: End; readonly unfinished: number }> {
  const scene = await openScene(OPTIONS);
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    const begun = await scene.begin();
    const approved = approve(scene, begun);
    let unfinished = 0;
    for (const point of points) {
      await scene.until(`event ${point}`, () => count(journal, 'SELECT count(*) AS n FROM event') >= point);
      await scene.kill();
      unfinished = scene.claude.counts.snapshot().requests - count(journal, STORED);
      await scene.restart();
    }
    await approved;
    const facts = await scene.until('the end', () => endOf(scene, begun), 150_000);
    await scene.app().end();
    return { end: await look(scene, journal, { ...begun, status: facts.status, pullRequest: facts.pullRequest?.number ?? 0 }), unfinished };
  } finally {
    journal.close();
    await scene.close();
  }
}

/** Approves once, whenever the plan is there. */
async function approve(scene: Scene, { run, issue }: Begun): Promise<void> {
  const { planHash } = await scene.planned(run);
  await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
}

/** A delivery that came while the App was down is sent again, as with GitHub's button. */
async function endOf(scene: Scene, { run }: Begun): Promise<Awaited<ReturnType<Scene['facts']>> | false> {
  await scene.redeliverFailed();
  const facts = await scene.facts(run);
  return facts !== undefined && facts.ledger !== null && facts;
}

const Row = z.object({ n: z.number() });

function count(journal: DatabaseSync, sql: string): number {
  return Row.parse(journal.prepare(sql).get()).n;
}

interface Ended extends Begun {
  readonly status: string;
  readonly pullRequest: number;
}

async function look(scene: Scene, journal: DatabaseSync, { run, issue, pullRequest, status }: Ended): Promise<End> {
  const branch = `converge/${run}`;
  const log = await scene.git('log', '--format=%x00%B%x01%an <%ae>, %cn', '--name-only', `main..${branch}`);
  const parents = (await scene.git('rev-list', '--reverse', '--parents', `main..${branch}`)).split('\n');
  const { repeated, answered } = scene.claude.counts.snapshot();
  return {
    tree: await scene.git('rev-parse', `${branch}^{tree}`),
    commits: log.split('\0').slice(1).toSorted(),
    parents: parents.map((line) => line.split(' ').length - 1),
    status,
    ledger: ledgerOf(journal),
    posts: postsOn(scene, { issue, pullRequest }),
    pushes: scene.hub.counts.get('converge[bot]')?.pushes ?? 0,
    events: count(journal, 'SELECT count(*) AS n FROM event'),
    answered,
    stored: count(journal, STORED),
    repeated,
  };
}

const Body = z.object({ body: z.string() });

function ledgerOf(journal: DatabaseSync): Ledger {
  const { body } = Body.parse(journal.prepare("SELECT body FROM event WHERE body ->> 'type' = 'run.ended'").get());
  return trusted<{ readonly ledger: Ledger }>().parse(JSON.parse(body)).ledger;
}

function postsOn({ hub }: Scene, { issue, pullRequest }: { issue: number; pullRequest: number }): End['posts'] {
  const { comments, reviews, reviewComments, checkRuns, reactions, repositories } = hub.state;
  const bot = 'converge[bot]';
  const by = <Post extends { readonly author: { readonly login: string } }>(posts: Iterable<Post>): readonly Post[] =>
    [...posts].filter(({ author }) => author.login === bot);
  return {
    'comments on the issue': by(comments.values()).filter(({ issueNumber }) => issueNumber === issue).length,
    'comments on the pull request': by(comments.values()).filter(({ issueNumber }) => issueNumber === pullRequest).length,
    'pull requests': by([...repositories.values()].flatMap(({ issues }) => Array.from(issues.values()))).length,
    reviews: by(reviews.values()).length,
    'review comments': by(reviewComments.values()).length,
    'check runs': [...checkRuns.values()].filter(({ suite }) => suite.app.slug === 'converge').length,
    'CI runs': [...checkRuns.values()].filter(({ suite }) => suite.app.slug !== 'converge').length,
    reactions: [...reactions.values()].filter(({ user }) => user.login === bot).length,
  };
}
