import { expect, onTestFinished, test, vi } from 'vitest';

import { type CatchUp, looks, openCatchUp } from '../../src/control/catch-up.ts';
import { parseComment } from '../../src/domain/command.ts';
import type { Log } from '../../src/house.ts';
import { openHubs } from '../../src/github/open-hubs.ts';
import type { FailedDelivery } from '../../src/github/deliveries.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { FAST, HERE, type HubFixture, type HubFixtureOptions, withHub } from '../github/support.ts';
import { STARTED } from '../journal/support.ts';
import { guardOf } from '../secrets/support.ts';

interface Scene extends HubFixture {
  readonly issue: number;
  /** One look of one process that was just started: gives the comments that it took, in order, each carried out at once. */
  readonly look: () => Promise<readonly number[]>;
  /** A process that looks again and again. */
  readonly looker: () => () => Promise<readonly number[]>;
  readonly warnings: readonly string[];
  readonly say: (body: string) => Promise<number>;
  /** A run that was asked for on the issue. */
  readonly begin: () => Promise<string>;
}

async function onIssue(use: (scene: Scene) => Promise<void>, options: HubFixtureOptions = {}): Promise<void> {
  await withHub(async (fixture) => {
    const { journal, app, alice, github } = fixture;
    const { data: issue } = await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
    const warnings: string[] = [];
    const log: Log = { info: () => {}, warn: (_, text) => warnings.push(text), error: (_, text) => warnings.push(text) };
    const looker = (): (() => Promise<readonly number[]>) => {
      const { signal } = new AbortController();
      const facts = { appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl, contentsPerHour: 450, timings: FAST };
      const hubs = openHubs({ ...facts, journal, secrets: guardOf(), minted: () => {}, markerSecret: 'of the tests', signal });
      let taken: number[] = [];
      const look = looks({
        desk: { journal, hubOf: (place) => hubs.of(place), log },
        deliveries: hubs.deliveries,
        inbox: {
          take: async (event) => {
            if (parseComment(event.body).kind === 'none') return false;
            const open = await journal.receive(`comment/${event.comment}`, { ...event });
            if (open) taken.push(event.comment);
            await journal.processed(`comment/${event.comment}`);
            return open;
          },
        },
      });
      return async () => {
        taken = [];
        await look(() => false);
        return taken;
      };
    };
    const say = async (body: string): Promise<number> => {
      const { data } = await alice.rest.issues.createComment({ ...HERE, issue_number: issue.number, body });
      await github.settled();
      return data.id;
    };
    const begin = async (): Promise<string> => {
      const comment = await say('/workflow migrate it');
      const place = { ...HERE, installation: app.installationId, number: issue.number, kind: 'issue' } as const;
      await journal.receive(`comment/${comment}`, {});
      await journal.processed(`comment/${comment}`);
      const run = `run-${comment}`;
      await journal.start({ run, trigger: `comment/${comment}`, event: { ...STARTED, place, comment: String(comment) } });
      return run;
    };
    await use({ ...fixture, issue: issue.number, look: () => looker()(), looker, warnings, say, begin });
  }, options);
}

test('a command whose webhook failed is found from GitHub’s record of it, once, however often one looks', async () => {
  await onIssue(async ({ look, say, receiver, warnings }) => {
    const heard = await say('/workflow status');
    receiver.status = 500;
    const first = await say('/workflow help');
    await say('a word between');
    const second = await say('/workflow status');
    expect(await look()).toEqual([first, second]);
    expect(await look()).toEqual([]);
    expect(heard).toBeLessThan(first);
    expect(warnings).toEqual([]);
  });
});

test('failed deliveries beyond the first page are found', async () => {
  await onIssue(
    async ({ look, say, receiver, alice, issue, github }) => {
      receiver.status = 503;
      const first = await say('/workflow help');
      for (let n = 0; n < 105; n += 1) await alice.rest.issues.createComment({ ...HERE, issue_number: issue, body: `${n}` });
      await github.settled();
      expect(await look()).toEqual([first]);
    },
    { limits: { perMinute: 1000, perHour: 1000 } },
  );
});

test('what a redelivery brought meanwhile is not carried out again', async () => {
  await onIssue(async ({ look, say, receiver, journal }) => {
    receiver.status = 500;
    const comment = await say('/workflow help');
    await journal.receive(`comment/${comment}`, { of: 'the redelivery' });
    await journal.processed(`comment/${comment}`);
    expect(await look()).toEqual([]);
  });
});

test('a command that its author changed or took back before it was found is passed over', async () => {
  await onIssue(async ({ look, say, receiver, alice, advance, begin, github }) => {
    await begin();
    receiver.status = 500;
    const edited = await say('/workflow stop');
    const deleted = await say('/workflow pause');
    const kept = await say('/workflow status');
    advance(2000);
    await alice.rest.issues.updateComment({ ...HERE, comment_id: edited, body: '/workflow stop it' });
    await alice.rest.issues.deleteComment({ ...HERE, comment_id: deleted });
    await github.settled();
    expect(await look()).toEqual([kept]);
  });
});

test('a command of an earlier run does not reach the one that is under way now', async () => {
  await onIssue(async ({ look, say, receiver, begin }) => {
    receiver.status = 500;
    await say('/workflow stop');
    await begin();
    expect(await look()).toEqual([]);
  });
});

test('commands that no webhook told are found around a run, on its issue and on its pull request, once', async () => {
  await onIssue(async ({ looker, say, github, begin, journal, alice, mallory, bot, pushBranch, issue }) => {
    const lose = (): void => github.faults.nextDelivery({ event: 'issue_comment', action: 'created' }, 'lose');
    lose();
    await say('/workflow stop');
    const run = await begin();
    const look = looker();
    expect(await look()).toEqual([]);
    await pushBranch('topic', { 'a.txt': 'a\n' });
    const pull = (await alice.rest.pulls.create({ ...HERE, title: 'Topic', head: 'topic', base: 'main' })).data.number;
    await journal.intend(run, 'pull-request', { kind: 'pull-request' });
    await journal.done(run, 'pull-request', { number: pull, url: '' });
    lose();
    const onIssue = await say('/workflow status');
    lose();
    // Who may command is asked when it is carried out.
    const ofMallory = (await mallory.rest.issues.createComment({ ...HERE, issue_number: issue, body: '/workflow stop' })).data.id;
    lose();
    await bot.rest.issues.createComment({ ...HERE, issue_number: issue, body: '/workflow stop' });
    lose();
    const onPull = (await alice.rest.issues.createComment({ ...HERE, issue_number: pull, body: '/workflow pause' })).data.id;
    expect(await look()).toEqual([onIssue, ofMallory, onPull]);
    expect(await look()).toEqual([]);
    expect(await looker()()).toEqual([]);
  });
});

test('a GitHub that does not answer is asked again at the next look', async () => {
  await onIssue(async ({ looker, say, receiver, github, warnings }) => {
    const look = looker();
    receiver.status = 500;
    const comment = await say('/workflow help');
    github.faults.next({ method: 'GET', path: /^\/app\/hook\/deliveries\/\d+$/u }, { kind: 'status', status: 502 }, 4);
    expect(await look()).toEqual([]);
    expect(warnings).toEqual(['failed deliveries of the webhook could not be looked at; it is tried again']);
    expect(await look()).toEqual([comment]);
  });
});

const EVERY_MS = 60_000;

interface Repeating {
  readonly catchUp: CatchUp;
  /** Parts of looks, in order: each look asks for failed deliveries, for what is known of each, and then for runs. */
  readonly asked: readonly string[];
  readonly errors: readonly string[];
  /** From now on GitHub answers a look only when told, and with these failed deliveries. */
  readonly hold: (found: readonly FailedDelivery[]) => () => void;
  /** What the journal does at the next look. */
  readonly breakNext: () => void;
  readonly pass: (milliseconds: number) => Promise<unknown>;
}

/** Looks again and again, at nothing, on a clock of its own. */
function repeat(): Repeating {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const asked: string[] = [];
  const errors: string[] = [];
  let answer: Promise<readonly FailedDelivery[]> = Promise.resolve([]);
  let broken = false;
  const never = (): never => {
    throw new Error('there is nothing to look at');
  };
  const unfinished = async (): Promise<readonly string[]> => {
    asked.push('runs');
    if (!broken) return [];
    broken = false;
    throw new Error('the disk is full');
  };
  const doneStep = async (_: string, step: string): Promise<null> => {
    asked.push(step);
    return null;
  };
  // Of the rest of a journal it needs nothing here.
  const journal: Journal = Object.assign(Object.create(null), { unfinished, doneStep });
  const failed = (): Promise<readonly FailedDelivery[]> => {
    asked.push('deliveries');
    return answer;
  };
  const log: Log = { info: never, warn: never, error: (_, text) => errors.push(text) };
  const desk = { journal, hubOf: never, log };
  const catchUp = openCatchUp({ desk, deliveries: { failed, payload: never, redeliver: never }, inbox: { take: never } }, EVERY_MS);
  const hold: Repeating['hold'] = (found) => {
    const { promise, resolve } = Promise.withResolvers<readonly FailedDelivery[]>();
    answer = promise;
    return () => resolve(found);
  };
  return { catchUp, asked, errors, hold, breakNext: () => (broken = true), pass: (ms) => vi.advanceTimersByTimeAsync(ms) };
}

const LOOK = ['deliveries', 'runs'] as const;

test('one looks at once, and again each time that the wait is over; not after the end', async () => {
  const { catchUp, asked, pass } = repeat();
  await pass(EVERY_MS - 1);
  expect(asked).toEqual(LOOK);
  await pass(1);
  expect(asked).toEqual([...LOOK, ...LOOK]);
  await pass(EVERY_MS - 1);
  expect(asked).toEqual([...LOOK, ...LOOK]);
  await pass(1);
  expect(asked).toEqual([...LOOK, ...LOOK, ...LOOK]);
  await catchUp.close();
  await pass(10 * EVERY_MS);
  expect(asked).toEqual([...LOOK, ...LOOK, ...LOOK]);
  expect(vi.getTimerCount()).toBe(0);
});

test('a look that takes long is waited for before the next one is', async () => {
  const { asked, hold, pass } = repeat();
  const answer = hold([{ id: 1, guid: 'one' }]);
  await pass(10 * EVERY_MS);
  expect(asked).toEqual([...LOOK, 'deliveries']);
  answer();
  const found = ['deliveries', 'delivery/one', 'runs'];
  await pass(EVERY_MS - 1);
  expect(asked).toEqual([...LOOK, ...found]);
  await pass(1);
  expect(asked).toEqual([...LOOK, ...found, ...found]);
});

test('a look that the journal broke is told, and is not the last', async () => {
  const { asked, errors, breakNext, pass } = repeat();
  await pass(0);
  breakNext();
  await pass(EVERY_MS);
  expect(errors).toEqual(['commands without a webhook could not be looked for']);
  await pass(EVERY_MS);
  expect(asked).toEqual([...LOOK, ...LOOK, ...LOOK]);
  expect(errors).toHaveLength(1);
});

test('who closes waits for the look that is under way, which is the last and takes nothing more', async () => {
  const { catchUp, asked, hold, pass } = repeat();
  await pass(0);
  const answer = hold([{ id: 1, guid: 'one' }]);
  await pass(EVERY_MS);
  let closed = false;
  const closing = catchUp.close().then(() => (closed = true));
  await pass(10 * EVERY_MS);
  expect(closed).toBe(false);
  answer();
  await closing;
  await pass(10 * EVERY_MS);
  expect(asked).toEqual([...LOOK, ...LOOK]);
  expect(vi.getTimerCount()).toBe(0);
});
