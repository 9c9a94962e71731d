import { readConfig } from '../../src/config.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { start } from '../../src/start.ts';
import { type Point, Orders, ORDERS } from './point.ts';

/* The App as it runs in production, on a journal that kills the process by SIGKILL at one point. */

const { die, now } = Orders.parse(JSON.parse(process.env[ORDERS] ?? ''));

const running = await start(readConfig(), {
  openJournal: async ({ dataDirectory }) => mortal(await openSqliteJournal({ directory: dataDirectory, clock: () => new Date(now) }), die),
});
process.once('SIGTERM', () => void running.close().then(() => process.exit(0)));

/** Nothing runs after it: not a handler, not a pending write. */
function end(): void {
  process.kill(process.pid, 'SIGKILL');
}

function mortal(journal: Journal, point: Point | null): Journal {
  if (point === null) return journal;
  let counted = 0;
  const count = (): boolean => (counted += 1) === point.nth;
  // Told after the commit, before anything that waits for it goes on.
  if (point.kind === 'event' || point.kind === 'any')
    journal.watch(null, ({ event }) => {
      if ((point.kind === 'any' || event.type === point.type) && count()) end();
    });
  const proxy: Journal = new Proxy(journal, {
    get: (target, name) => {
      if (name === 'done' && point.kind === 'acted')
        return (...given: Parameters<Journal['done']>) => {
          if (count()) end();
          return target.done(...given);
        };
      if (name === 'checkpoint' && point.kind === 'checkpoint')
        return async (...given: Parameters<Journal['checkpoint']>) => {
          await target.checkpoint(...given);
          if (count()) end();
        };
      // SQLite's is itself.
      if (name === 'fenced') return () => proxy;
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
  return proxy;
}
