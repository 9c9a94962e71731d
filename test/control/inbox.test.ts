import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import type { Desk } from '../../src/control/desk.ts';
import { openInbox, type Inbox } from '../../src/control/inbox.ts';
import { OPERATOR_DEFAULTS } from '../../src/domain/settings.ts';
import { openInProcess } from '../../src/engine/in-process.ts';
import type { CommentEvent } from '../../src/github/events.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { quiet } from '../engine/quiet.ts';
import { scratch } from '../git/origin.ts';

const refuse = (): never => {
  throw new Error('not here');
};

/** An inbox whose commands only reply; `before` is asked before each of them. */
async function open(before: (comment: number) => Promise<void>): Promise<{ readonly inbox: Inbox; readonly replied: readonly string[] }> {
  const journal = await openSqliteJournal({ directory: join(scratch(), 'journal') });
  const replied: string[] = [];
  const known: Partial<Hub> = {
    permission: async () => 'write',
    react: async (scope) => before(Number(scope.split('/')[1])),
    comment: async (scope) => {
      replied.push(scope);
      return { id: 1, url: '' };
    },
  };
  const hub = new Proxy<Hub>(Object.create(null), { get: (_, name) => Reflect.get(known, name) ?? refuse() });
  const desk: Desk = {
    journal,
    hubOf: () => hub,
    allowedOwners: new Set(['slow', 'fast']),
    scriptRepositories: new Set(),
    operator: OPERATOR_DEFAULTS,
    repositoryOf: refuse,
    drive: refuse,
    interrupt: refuse,
    restart: refuse,
    log: quiet,
  };
  const inbox = await openInbox(desk, { dispatch: openInProcess({ log: quiet }), retryMs: 1 });
  onTestFinished(async () => {
    await inbox.close();
    await journal.close();
  });
  return { inbox, replied };
}

function help(owner: string, comment: number): CommentEvent {
  const place = { owner, repo: 'r', installation: 1, number: 1, isPullRequest: false };
  return { kind: 'comment', comment, ...place, author: { login: 'p', id: 1 }, body: '/workflow help' };
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
  await expect.poll(() => replied).toEqual(['comment/3']);
  slow.resolve();
  await expect.poll(() => replied).toEqual(['comment/3', 'comment/1', 'comment/2']);
});

test('a command that failed for now is carried out before those that follow it', async () => {
  let failures = 2;
  const { inbox, replied } = await open(async (comment) => {
    if (comment !== 10 || failures === 0) return;
    failures -= 1;
    throw new Error('502');
  });
  await Promise.all([inbox.take(help('fast', 10)), inbox.take(help('fast', 11))]);
  await expect.poll(() => replied).toEqual(['comment/10', 'comment/11']);
});
