import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { StoredEvent } from '../../src/domain/events.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { storedEvent } from '../../src/journal/event-schema.ts';
import { seedOf } from '../../src/local/claude/reply.ts';
import { type Begun, openScene, type Scene, type SceneOptions } from '../e2e/support.ts';
import { ORDERS, type Orders, type Point } from './point.ts';

/** Three shards of one file, two of them ready at once, one of them revised. The latency lets kills meet responses that are under way. */
const FIXTURE: SceneOptions = {
  tests: ['text', 'stats'],
  files: {
    'test/text/table.test.js': null,
    'test/text/wrap.test.js': null,
    'test/text/quote.test.js': null,
    'test/text/plural.test.js': null,
    'test/text/pad.test.js': null,
    'test/stats/histogram.test.js': null,
    'test/stats/variance.test.js': null,
  },
  latencyMs: 5,
  ci: true,
  waits: { redriveMs: 200, ciGraceMs: 300, retryWaits: 5, firstBackoff: 5, longestBackoff: 20 },
};

/** Far more than any of it takes, in milliseconds. */
const PATIENCE_MS = 180_000;

const APP = fileURLToPath(new URL('app.ts', import.meta.url));
export const NOW = '2026-11-22T12:00:00.000Z';

/** What a run came to, as far as it must not depend on what happened to its processes. */
export interface End {
  readonly status: string;
  readonly tree: string;
  /** Ids, oldest first: message, author, dates, parents and tree are in them. */
  readonly commits: readonly string[];
  readonly ledger: Ledger;
  /** Scope and key of each effect, done or not. */
  readonly effects: readonly string[];
  /** What there is on GitHub of our App: how many of each. */
  readonly posts: Readonly<Record<string, number>>;
  readonly pushes: number;
  /** Responses that are stored. */
  readonly stored: number;
}

export interface Played {
  readonly end: End;
  readonly events: readonly StoredEvent[];
  readonly checkpoints: number;
  /** Responses that went out whole. */
  readonly answered: number;
  /** Requests that were on their way, or answered and not stored, at a kill. */
  readonly lost: number;
  /** Stored answers that were asked for again: the journal had each, as this agent's turn, when its request came. Must be none, whatever happened. */
  readonly repeated: readonly string[];
  /** Stored answers that are known by their request: must be all, or a repetition could go unseen. */
  readonly recognised: number;
  /** Deaths that the run had passed by the time their process began, so that nobody died of them. */
  readonly missed: readonly Point[];
}

export interface Disturbance {
  /** Where each process in turn dies; after the last the next one lives to the end. */
  readonly deaths: readonly Point[];
  /** Whether a point is counted from the beginning of the run, or from that of the process that dies there, as it is unless told. */
  readonly counted?: 'by run' | 'by process';
  /** While the first process works, from its plan's approval on. */
  readonly during?: (scene: Scene, begun: Begun) => Promise<void>;
  /** Between a death and the next start. */
  readonly meanwhile?: (scene: Scene) => Promise<void> | void;
  /** Date that the processes write, by their number from 0. */
  readonly clock?: (process: number) => string;
}

/** One run of the fixture from its command to its end, disturbed so. */
export async function play({ deaths, counted = 'by process', during, meanwhile, clock = () => NOW }: Disturbance): Promise<Played> {
  const left = [...deaths];
  const missed: Point[] = [];
  const orders = { die: left.shift() ?? null, process: 0 };
  const asked = new Set<string>();
  const repeated: string[] = [];
  const scene = await openScene({
    ...FIXTURE,
    onRequest: (request) => {
      const seed = seedOf(request);
      asked.add(seed);
      repeated.push(...storedAnswers(scene, seed));
    },
    program: () => {
      const told: Orders = { die: orders.die, now: clock(orders.process) };
      orders.process += 1;
      return { entry: new URL(`file://${APP}`).href, environment: { [ORDERS]: JSON.stringify(told) } };
    },
  });
  const nextDeath = (): Point | null => {
    for (let death = left.shift(); death !== undefined; death = left.shift()) {
      const nth = death.nth - (counted === 'by run' ? passed(scene, death) : 0);
      if (nth > 0) return { ...death, nth };
      missed.push(death);
    }
    return null;
  };
  try {
    const begun = await scene.begin();
    const approved = approve(scene, begun);
    if (during !== undefined) {
      await approved;
      await during(scene, begun);
    }
    let lost = 0;
    while (orders.die !== null) {
      await died(scene);
      lost += scene.claude.counts.snapshot().requests - responses(scene) - lost;
      await meanwhile?.(scene);
      orders.die = nextDeath();
      await again(scene, orders.die !== null);
    }
    await approved;
    const facts = await scene.until('the end', () => endOf(scene, begun), PATIENCE_MS);
    await scene.app().end();
    const { answered } = scene.claude.counts.snapshot();
    const seen = { ...begun, status: facts.status, pullRequest: facts.pullRequest?.number ?? 0 };
    const recognised = [...asked].flatMap((seed) => storedAnswers(scene, seed)).length;
    const journal = { events: eventsOf(scene), checkpoints: checkpoints(scene) };
    return { end: await look(scene, seen), ...journal, answered, lost, repeated, recognised, missed };
  } finally {
    await scene.close();
  }
}

/** How many of these the journal has by now. */
function passed(scene: Scene, point: Point): number {
  if (point.kind === 'checkpoint') return checkpoints(scene);
  const type = point.kind === 'acted' ? 'effect.done' : point.kind === 'event' ? point.type : null;
  return eventsOf(scene).filter(({ event }) => type === null || event.type === type).length;
}

/** The next process; one that has orders to die may do so before it listens. */
async function again(scene: Scene, mayDie: boolean): Promise<void> {
  try {
    await scene.restart();
  } catch (error) {
    if (!mayDie) throw error;
  }
}

/** A point that does not come is told, and not waited for for ever. */
async function died(scene: Scene): Promise<void> {
  let over = false;
  void scene.app().ended.then(() => (over = true));
  await scene.until('the App to die', () => over, PATIENCE_MS);
}

/** Approves once, whenever the plan is there: many processes may die before. */
async function approve(scene: Scene, { run, issue }: Begun): Promise<void> {
  const planned = async (): Promise<string | false> => {
    const found = await scene.facts(run);
    return found?.waitsForApproval === true && found.planHash !== null && found.planHash;
  };
  const planHash = await scene.until('the plan', planned, PATIENCE_MS);
  await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
}

/** A delivery that came while the App was down is sent again, as with GitHub's button. */
async function endOf(scene: Scene, { run }: Begun): Promise<Awaited<ReturnType<Scene['facts']>> | false> {
  await scene.redeliverFailed();
  const facts = await scene.facts(run);
  return facts !== undefined && facts.ledger !== null && facts;
}

const Row = z.object({ n: z.number() });

/** Reads the journal beside the process that has it, or after it. */
function inJournal<Result>(scene: Scene, read: (database: DatabaseSync) => Result, absent: Result): Result {
  const file = join(scene.dataDirectory, 'journal.sqlite');
  if (!existsSync(file)) return absent;
  const database = new DatabaseSync(file, { readOnly: true });
  try {
    return read(database);
  } finally {
    database.close();
  }
}

function responses(scene: Scene): number {
  return inJournal(
    scene,
    (journal) => Row.parse(journal.prepare("SELECT count(*) AS n FROM checkpoint WHERE part = 'response'").get()).n,
    0,
  );
}

const Turn = z.object({ turn: z.string() });

/** Turns of agents that have the scripted Claude's answer of this seed. */
function storedAnswers(scene: Scene, seed: string): readonly string[] {
  const having = "SELECT agent || ', turn ' || n AS turn FROM checkpoint WHERE part = 'response' AND instr(data, ?) > 0";
  const read = (journal: DatabaseSync): readonly string[] =>
    journal
      .prepare(having)
      .all(seed)
      .map((row) => Turn.parse(row).turn);
  return inJournal(scene, read, []);
}

function checkpoints(scene: Scene): number {
  return inJournal(scene, (journal) => Row.parse(journal.prepare('SELECT count(*) AS n FROM checkpoint').get()).n, 0);
}

function eventsOf(scene: Scene): readonly StoredEvent[] {
  const read = (journal: DatabaseSync): readonly StoredEvent[] =>
    journal
      .prepare('SELECT scope, n, at, body FROM event ORDER BY id')
      .all()
      .map((row) => storedEvent.parse(row));
  return inJournal(scene, read, []);
}

/** Comments are named by their place: their ids are those of everything that the local GitHub has. */
function effectsOf(events: readonly StoredEvent[]): readonly string[] {
  const comments = [...new Set(events.map(({ scope }) => scope).filter((scope) => scope.startsWith('comment/')))];
  return events
    .flatMap(({ scope, event }) => {
      if (event.type !== 'effect.done') return [];
      const at = comments.indexOf(scope);
      if (at === -1) return [event.key];
      return [`comment ${at + 1}: ${event.key.replace(scope.slice('comment/'.length), '')}`];
    })
    .toSorted();
}

interface Ended extends Begun {
  readonly status: string;
  readonly pullRequest: number;
}

async function look(scene: Scene, { run, issue, pullRequest, status }: Ended): Promise<End> {
  const branch = `converge/${run}`;
  const events = eventsOf(scene);
  const ledger = events.flatMap(({ event }) => (event.type === 'run.ended' ? event.ledger : []));
  return {
    status,
    tree: await scene.git('rev-parse', `${branch}^{tree}`),
    commits: (await scene.git('rev-list', '--reverse', `main..${branch}`)).split('\n'),
    ledger,
    effects: effectsOf(events),
    posts: postsOn(scene, { issue, pullRequest }),
    pushes: scene.hub.counts.get('converge[bot]')?.pushes ?? 0,
    stored: responses(scene),
  };
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
