import { callHandler } from '../../src/engine/call-handler.ts';
import { openHoldings } from '../../src/engine/holdings.ts';
import { openBoss } from '../../src/engine/pg-boss.ts';
import { settleLeftReservations } from '../../src/agents/spending.ts';
import { openLiveness } from '../../src/journal/postgres-liveness.ts';
import { openPostgresJournal } from '../../src/journal/postgres.ts';
import { CALLS, processName } from '../../src/open-engine.ts';
import { quiet } from '../engine/quiet.ts';
import { task } from './contestant.ts';
import { openFan, scratch } from './house.ts';

/* A worker as `npm run worker` makes it (src/start-worker.ts), with the bench's repository. Tells when it is ready and, when asked, what it used. */

const url = process.env['BENCH_DATABASE'] ?? '';
const given = task();
const name = processName();
const journal = await openPostgresJournal({ url });
const [boss, liveness] = await Promise.all([openBoss({ url, log: quiet }), openLiveness(url, name)]);
const holdings = openHoldings(journal);
const owner = { id: name, isDead: async (other: string | null) => other === null || liveness.isDead(other) };
const { primitives } = await openFan({ ...given, journal, directory: scratch(), shared: { journal: holdings.journal, owner } });
const dispatch = await boss.queue(CALLS);
const settleLeft = async (run: string): Promise<void> => void (await settleLeftReservations(journal, run, owner));
const handler = callHandler({ journal, holdings, dispatch, owner: name, settleLeft, enter: () => Promise.resolve(primitives), log: quiet });
await dispatch.work(given.concurrency, handler);

const before = process.cpuUsage();
process.on('message', () => {
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuSeconds: (user + system) / 1e6, peakMegabytes: process.resourceUsage().maxRSS / 1024 });
});
process.send?.('ready');
