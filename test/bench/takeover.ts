import type { RunEvent } from '../../src/domain/events.ts';
import type { Child } from '../../src/local/child.ts';
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

/** Events by which a worker brings a call forward; that an agent was taken up again, or that what the dead one had reserved was charged, does not. */
const OF_CALLS = new Set<string>(['spend.reserved', 'agent.ended', 'call.settled']);
/** Events that only the drive of a run appends. */
const OF_DRIVES = new Set<string>([
  'call.issued',
  'step.done',
  'effect.intended',
  'effect.done',
  'shard.accepted',
  'shard.left-over',
  'run.ended',
]);

/** Seconds from a kill. */
interface Takeover {
  /** Until another process held the claim. */
  readonly held: number;
  /** Until the journal had the first event of what it did then, which is of this type. */
  readonly progress: number;
  readonly first: string;
}

/** Calls that this process has, of those that are not settled. */
async function callsOf({ rows }: Together, run: string, { pid }: Child): Promise<ReadonlySet<string>> {
  const open = `key IN (SELECT key FROM converge.call WHERE run = '${run}' AND settled_n IS NULL)`;
  const found = await rows(`SELECT key FROM converge.claim WHERE run = '${run}' AND owner LIKE '%/${pid}/%' AND ${open}`);
  return new Set(found.map(({ key }) => String(key)));
}

/** How many have had one of these claims, one after the other. */
async function mostClaims({ rows }: Together, where: string): Promise<number> {
  const [row] = await rows(`SELECT coalesce(max(attempt), 0)::int AS most FROM converge.claim WHERE ${where}`);
  return Number(row?.['most']);
}

/** An event of a process that lives: what the dead one wrote last has an earlier date, whenever it was committed. */
async function takenOver(
  together: Together,
  { run, at, isHeld, isProgress }: { run: string; at: number; isHeld: () => Promise<boolean>; isProgress: (event: RunEvent) => boolean },
): Promise<Takeover> {
  const { scene } = together;
  await scene.until('a new owner', isHeld, 120_000);
  const held = (Date.now() - at) / 1000;
  const progress = async (): Promise<RunEvent | undefined> =>
    (await together.events(run)).find((stored) => Date.parse(stored.at) > at && isProgress(stored.event))?.event;
  const { type } = await scene.until('an event by the new owner', progress, 120_000);
  return { held, progress: (Date.now() - at) / 1000, first: type };
}

/** The only worker at work is killed: until another brings one of its calls forward. */
async function workerKilled(together: Together): Promise<Takeover> {
  const { scene } = together;
  const doomed = await together.worker();
  const run = await started(together);
  await scene.until('calls with the worker', async () => (await callsOf(together, run, doomed)).size > 0);
  await together.worker();
  await doomed.end('SIGKILL');
  const at = Date.now();
  const left = await callsOf(together, run, doomed);
  if (left.size === 0) throw new Error('the worker died without a call: nothing was to be taken over');
  const isHeld = async (): Promise<boolean> => (await mostClaims(together, `run = '${run}' AND key <> ''`)) > 1;
  const callIn = (event: RunEvent): string => ('agent' in event ? (event.agent.split('/')[0] ?? '') : 'key' in event ? event.key : '');
  return takenOver(together, { run, at, isHeld, isProgress: (event) => OF_CALLS.has(event.type) && left.has(callIn(event)) });
}

/** The App that drives is killed: until the drive of another appends something. */
async function appKilled(together: Together): Promise<Takeover> {
  const { scene } = together;
  const worker = await together.worker();
  const run = await started(together);
  const ofRun = `run = '${run}' AND key = ''`;
  await scene.until('calls of the run', async () => (await callsOf(together, run, worker)).size > 0);
  await together.app();
  const before = await mostClaims(together, ofRun);
  await scene.kill();
  const at = Date.now();
  const isHeld = async (): Promise<boolean> => (await mostClaims(together, ofRun)) > before;
  return takenOver(together, { run, at, isHeld, isProgress: ({ type }) => OF_DRIVES.has(type) });
}

async function measure(what: (together: Together) => Promise<Takeover>): Promise<Takeover> {
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
  const row = (killed: string, { held, progress, first }: Takeover): Table['rows'][number] => [
    killed,
    held.toFixed(1),
    progress.toFixed(1),
    first,
  ];
  return {
    title: 'Takeover: seconds from SIGKILL until another process makes progress with what the dead one had',
    columns: ['killed', 'claim held', 'progress', 'its first event'],
    rows: [row('a worker', worker), row('the App that drives', app)],
    verdicts: [
      atMost('another makes progress with a dead worker’s call within (s)', worker.progress, LIMIT),
      atMost('another makes progress with a dead App’s run within (s)', app.progress, LIMIT),
    ],
  };
}

export const bench: Bench = { name: 'takeover', run };
