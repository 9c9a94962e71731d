import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import type { Desk } from '../../src/control/desk.ts';
import { openInbox, type Inbox } from '../../src/control/inbox.ts';
import { ConvergeError } from '../../src/domain/errors.ts';
import { OPERATOR_DEFAULTS } from '../../src/domain/operator-limits.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import type { CommentEvent } from '../../src/github/events.ts';
import type { Hub } from '../../src/github/hub.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { quiet } from '../engine/quiet.ts';
import { scratch } from '../git/origin.ts';
import { STARTED } from '../journal/support.ts';

const refuse = (): never => {
  throw new Error('not here');
};

/** What comes, comes within this on the slowest machine. */
const PATIENT = { timeout: 20_000 };

/** An inbox whose commands only reply; `before` is asked before each of them. */
async function open(
  before: (comment: number) => Promise<void>,
  changes: Partial<Hub> = {},
  letGo: () => Promise<void> = () => Promise.resolve(),
): Promise<{
  readonly inbox: Inbox;
  readonly replied: readonly string[];
  readonly interrupted: readonly string[];
  readonly journal: Journal;
}> {
  const journal = await openSqliteJournal({ directory: join(scratch(), 'journal') });
  const replied: string[] = [];
  const interrupted: string[] = [];
  const known: Partial<Hub> = {
    permission: async (login) => (login === 'stranger' ? 'none' : 'write'),
    react: async (_, comment) => before(comment),
    comment: async (scope) => {
      replied.push(scope);
      return { id: 1, url: '' };
    },
    ...changes,
  };
  const hub = new Proxy<Hub>(Object.create(null), { get: (_, name) => Reflect.get(known, name) ?? refuse() });
  const desk: Desk = {
    journal,
    hubOf: () => hub,
    allowed: ({ owner }) => ['slow', 'fast'].includes(owner),
    off: () => null,
    scriptRepositories: new Set(),
    operator: OPERATOR_DEFAULTS,
    repositoryOf: refuse,
    drive: refuse,
    interrupt: (run) => {
      interrupted.push(run);
      return letGo();
    },
    restart: refuse,
    log: quiet,
  };
  const inbox = await openInbox(desk, { dispatch: openInProcess({ log: quiet }), retryMs: 1 });
  onTestFinished(async () => {
    await inbox.close();
    await journal.close();
  });
  return { inbox, replied, interrupted, journal };
}

function help(owner: string, comment: number): CommentEvent {
  return said(owner, comment, '/workflow help');
}

function stranger(comment: number, body: string): CommentEvent {
  return { ...said('fast', comment, body), author: { login: 'stranger', id: 2 } };
}

function said(owner: string, comment: number, body: string, number = 1): CommentEvent {
  const place = { owner, repo: 'r', installation: 1, number, isPullRequest: false };
  return { kind: 'comment', comment, ...place, author: { login: 'p', id: 1 }, body };
}

test('a command that is slow holds up no command of another repository, and the next of its own', async () => {
  const slow = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { inbox, replied } = await open(async (comment) => {
    if (comment !== 1) return;
    begun.resolve();
    await slow.promise;
  });
  await inbox.take(help('slow', 1));
  await begun.promise;
  await inbox.take(help('slow', 2));
  await inbox.take(help('fast', 3));
  await expect.poll(() => replied, PATIENT).toEqual(['comment/3']);
  slow.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/3', 'comment/1', 'comment/2']);
});

test('a command that failed for now is carried out before those that follow it', async () => {
  let failures = 2;
  const { inbox, replied } = await open(async (comment) => {
    if (comment !== 10 || failures === 0) return;
    failures -= 1;
    throw new Error('502');
  });
  await Promise.all([inbox.take(help('fast', 10)), inbox.take(help('fast', 11))]);
  await expect.poll(() => replied, PATIENT).toEqual(['comment/10', 'comment/11']);
});

test('a stop waits for nothing that is slow, but for what it must not overtake; and what was said after it waits for it', async () => {
  const slow = new Map([1, 2].map((comment) => [comment, Promise.withResolvers<void>()]));
  const begun = Promise.withResolvers<void>();
  const { inbox, replied } = await open(async (comment) => {
    if (comment === 1) begun.resolve();
    await slow.get(comment)?.promise;
  });
  await inbox.take(help('slow', 1));
  await begun.promise;
  await inbox.take(said('slow', 2, '/workflow approve 0123456789ab', 7));
  await inbox.take(said('slow', 3, '/workflow stop', 7));
  await inbox.take(said('slow', 4, '/workflow status', 7));
  await inbox.take(said('slow', 5, '/workflow stop'));
  await expect.poll(() => replied, PATIENT).toEqual(['comment/5']);
  slow.get(1)?.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/5', 'comment/1']);
  slow.get(2)?.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/5', 'comment/1', 'comment/2', 'comment/3', 'comment/4']);
});

test('a stop is carried out while GitHub lets us say nothing', async () => {
  const silence = Promise.withResolvers<void>();
  const { inbox, replied, interrupted, journal } = await open(() => silence.promise);
  const place = { owner: 'fast', repo: 'r', number: 1, kind: 'issue', installation: 1 } as const;
  await journal.start({ run: 'a', trigger: 'comment/0', event: { ...STARTED, place } });
  await inbox.take(said('fast', 1, '/workflow stop'));
  await expect.poll(() => interrupted, PATIENT).toEqual(['a']);
  expect(replied).toEqual([]);
  silence.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/1']);
});

const GONE = new ConvergeError('github', 'GitHub answered 404, expected 200.', { retry: 'never' });

async function answered(journal: Journal, comment: number): Promise<readonly unknown[]> {
  return (await journal.events(`comment/${comment}`)).flatMap(({ event }) => (event.type === 'command.answered' ? [event] : []));
}

test('a command that is given up is recorded with its reason, whatever of GitHub it was that failed, and with the access that was found', async () => {
  const before = (comment: number): Promise<void> => (comment === 1 ? Promise.reject(GONE) : Promise.resolve());
  const { inbox, journal } = await open(before, {
    permission: (login) => (login === 'gone' ? Promise.reject(GONE) : Promise.resolve('maintain')),
  });
  await inbox.take(help('fast', 1));
  await inbox.take({ ...help('fast', 2), author: { login: 'gone', id: 9 } });
  await expect.poll(() => journal.received(), PATIENT).toEqual([]);
  const why = 'given up, and perhaps done in part: GitHub answered 404, expected 200.';
  expect(await answered(journal, 1)).toMatchObject([{ comment: '1', permission: 'maintain', command: 'help', accepted: false, why }]);
  expect(await answered(journal, 2)).toMatchObject([{ by: { login: 'gone', id: 9 }, permission: 'unknown', accepted: false, why }]);
});

test('a stop that was carried out is recorded as that, though GitHub lets us say nothing about it', async () => {
  const held = Promise.withResolvers<void>();
  const { inbox, interrupted, journal } = await open(
    () => Promise.reject(GONE),
    {},
    () => held.promise,
  );
  const place = { owner: 'fast', repo: 'r', number: 1, kind: 'issue', installation: 1 } as const;
  await journal.start({ run: 'a', trigger: 'comment/0', event: { ...STARTED, place } });
  await inbox.take(said('fast', 1, '/workflow stop'));
  await expect.poll(() => interrupted, PATIENT).toEqual(['a']);
  held.resolve();
  await expect.poll(() => journal.received(), PATIENT).toEqual([]);
  expect(await answered(journal, 1)).toMatchObject([{ command: 'stop', accepted: true }]);
});

test('what somebody said who may not command holds up nothing, however long the answer to it waits', async () => {
  const silence = Promise.withResolvers<void>();
  const { inbox, replied } = await open(async (comment) => (comment < 10 ? silence.promise : undefined));
  await inbox.take(stranger(1, '/workflow migrate everything'));
  await inbox.take(stranger(2, '/workflow stop'));
  await inbox.take(stranger(3, '/workflow help'));
  await inbox.take(said('fast', 10, '/workflow stop'));
  await expect.poll(() => replied, PATIENT).toEqual(['comment/10']);
  await inbox.take(help('fast', 11));
  await expect.poll(() => replied, PATIENT).toEqual(['comment/10', 'comment/11']);
  silence.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/10', 'comment/11', 'comment/refused/fast/r/1/2']);
});

test('whose comment nobody could judge yet keeps its place, and is asked for again', async () => {
  let asked = 0;
  const unknown = (login: string): ReturnType<Hub['permission']> => {
    asked += 1;
    if (login === 'stranger' && asked < 4) return Promise.reject(new Error('502'));
    return Promise.resolve(login === 'stranger' ? 'read' : 'write');
  };
  const { inbox, replied } = await open(() => Promise.resolve(), { permission: unknown });
  await Promise.all([inbox.take(stranger(1, '/workflow migrate everything')), inbox.take(said('fast', 10, '/workflow stop'))]);
  await expect.poll(() => [...replied].sort(), PATIENT).toEqual(['comment/10', 'comment/refused/fast/r/1/2']);
});

test('a stop on the pull request of a run does not overtake what was said on its issue', async () => {
  const slow = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const { inbox, replied, interrupted, journal } = await open(async (comment) => {
    if (comment !== 1) return;
    begun.resolve();
    await slow.promise;
  });
  const place = { owner: 'slow', repo: 'r', number: 5, kind: 'issue', installation: 1 } as const;
  await journal.start({ run: 'a', trigger: 'comment/0', event: { ...STARTED, place } });
  await journal.intend('a', 'pull-request', {});
  await journal.done('a', 'pull-request', { number: 6, url: '' });
  await inbox.take(help('slow', 1));
  await begun.promise;
  await inbox.take(said('slow', 2, '/workflow approve 0123456789ab', 5));
  await inbox.take({ ...said('slow', 3, '/workflow stop', 6), isPullRequest: true });
  await inbox.take(said('slow', 4, '/workflow stop', 9));
  await expect.poll(() => replied, PATIENT).toEqual(['comment/4']);
  expect(interrupted).toEqual([]);
  slow.resolve();
  await expect.poll(() => replied, PATIENT).toEqual(['comment/4', 'comment/1', 'comment/2', 'comment/3']);
  expect(interrupted).toEqual(['a']);
});
