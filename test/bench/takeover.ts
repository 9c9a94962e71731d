import { startPostgres } from '../postgres.ts';
import { openTogether, type Together } from '../e2e/together.ts';
import type { SceneOptions } from '../e2e/support.ts';
import { atMost, type Bench, type Table } from './table.ts';

/** Seconds that a dead process may keep anybody waiting (facts/engine.md §8). */
const LIMIT = 30;

const OPTIONS: SceneOptions = {
  tests: ['text', 'stats'],
  latencyMs: 400,
  waits: { redriveMs: 200, ciGraceMs: 300, retryWaits: 5, firstBackoff: 5, longestBackoff: 20 },
};

async function started(together: Together): Promise<string> {
  const { scene } = together;
  const begun = await scene.begin();
  const { planHash } = await scene.planned(begun.run);
  await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
  return begun.run;
}

const CLAIMS = 'SELECT coalesce(max(attempt), 0)::int AS most, count(*)::int AS n FROM converge.claim';

async function claims({ rows }: Together, where: string): Promise<{ readonly most: number; readonly n: number }> {
  const [row] = await rows(`${CLAIMS} WHERE ${where}`);
  return { most: Number(row?.['most']), n: Number(row?.['n']) };
}

/** The only worker at work is killed: until another has one of its calls. */
async function workerKilled(together: Together): Promise<number> {
  const { scene } = together;
  const doomed = await together.worker();
  const run = await started(together);
  const ofCalls = `run = '${run}' AND key <> ''`;
  await scene.until('calls with the worker', async () => (await claims(together, ofCalls)).n > 0);
  await together.worker();
  await doomed.end('SIGKILL');
  const at = Date.now();
  await scene.until('a call that was taken over', async () => (await claims(together, ofCalls)).most > 1, 120_000);
  return (Date.now() - at) / 1000;
}

/** The App that drives is killed: until another drives the run. */
async function appKilled(together: Together): Promise<number> {
  const { scene } = together;
  await together.worker();
  const run = await started(together);
  const ofRun = `run = '${run}' AND key = ''`;
  await scene.until('calls of the run', async () => (await claims(together, `run = '${run}' AND key <> ''`)).n > 0);
  await together.app();
  const before = (await claims(together, ofRun)).most;
  await scene.kill();
  const at = Date.now();
  await scene.until('the run in other hands', async () => (await claims(together, ofRun)).most > before, 120_000);
  return (Date.now() - at) / 1000;
}

async function measure(what: (together: Together) => Promise<number>): Promise<number> {
  const postgres = await startPostgres();
  const together = await openTogether(await postgres.database(), OPTIONS);
  try {
    return await what(together);
  } finally {
    await together.close();
    await postgres.stop();
  }
}

async function run(): Promise<Table> {
  const worker = await measure(workerKilled);
  const app = await measure(appKilled);
  return {
    title: 'Takeover: seconds from SIGKILL until another process has what the dead one had',
    columns: ['killed', 'seconds'],
    rows: [
      ['a worker', worker.toFixed(1)],
      ['the App that drives', app.toFixed(1)],
    ],
    verdicts: [atMost('a worker is replaced within (s)', worker, LIMIT), atMost('a driving App is replaced within (s)', app, LIMIT)],
  };
}

export const bench: Bench = { name: 'takeover', run };
