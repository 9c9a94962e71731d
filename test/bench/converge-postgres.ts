import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { openCarrying } from '../../src/engine/carry.ts';
import { openBoss } from '../../src/engine/pg-boss.ts';
import { openPostgresJournal } from '../../src/journal/postgres.ts';
import { CALLS } from '../../src/open-engine.ts';
import { quiet } from '../engine/quiet.ts';
import { measure, task } from './contestant.ts';
import { begin, fan, RUN, scratch } from './house.ts';

/* Converge with Postgres and pg-boss: this process drives the run, a worker of its own carries the calls out. */

const url = process.env['BENCH_DATABASE'] ?? '';
const given = task();
const directory = scratch();
const journal = await openPostgresJournal({ url });
await begin(journal);
const boss = await openBoss({ url, log: quiet });
const dispatch = await boss.queue(CALLS);
const worker = fork(fileURLToPath(new URL('postgres-worker.ts', import.meta.url)), [JSON.stringify(given)]);
await once(worker, 'message');

const fenced = journal.fenced(await journal.takeClaim({ run: RUN, key: null, owner: 'driver' }));
const { signal } = new AbortController();
const { carry } = openCarrying({
  run: RUN,
  journal: fenced,
  dispatch,
  workers: () => boss.workers(CALLS),
  limit: given.concurrency,
  signal,
  log: quiet,
});
const work = await fan({ ...given, journal: fenced, directory }, carry);
const Used = z.object({ cpuSeconds: z.number(), peakMegabytes: z.number() });
await measure(work, async () => {
  worker.send('used');
  const [used] = z.tuple([Used, z.unknown()]).parse(await once(worker, 'message'));
  worker.kill();
  return used;
});
