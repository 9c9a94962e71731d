import { beforeAll, describe, expect, type ExpectStatic, it } from 'vitest';
import { type Disturbance, type Played, play } from './play.ts';
import { nameOf, type Point } from './point.ts';
import { allPoints, chosen } from './points.ts';

/*
 * SIGKILL of the App at every point of a run of three shards, the points taken from the journal of a run that nobody disturbed; each time the end is that run's (invariant 4).
 * `npm run test:crash` takes all, each in a run of its own; `CRASH=20-39` takes some of them, by their places, `CRASH=acted` by their names. `npm test` takes one point of each kind, and several in one run.
 */

const WHICH = process.env['CRASH'] ?? 'each';
/** Runs beside each other; each has a GitHub, a Claude and an App of its own. */
const LANES = 3;

let undisturbed: Played;
const points: Point[] = [];

beforeAll(async () => {
  undisturbed = await play({ deaths: [] });
  points.push(...chosen(allPoints(undisturbed), WHICH));
}, 600_000);

it('an undisturbed run is reproducible: the same commits, twice', { timeout: 600_000 }, async () => {
  const { end, answered, lost, repeated, recognised } = await play({ deaths: [] });
  expect(end).toEqual(undisturbed.end);
  expect(end).toMatchObject({ status: 'completed' });
  expect([answered, lost]).toEqual([end.stored, 0]);
  // No two agents ask the same, and each stored answer is known by its request: a repetition is seen, and nothing else is taken for one.
  expect([repeated, recognised]).toEqual([[], end.stored]);
});

describe('C3 killed at a point, and started again', () => {
  // The points are known only when the first run is over, so that each lane takes its share of them.
  for (let lane = 0; lane < LANES; lane += 1) {
    it.concurrent(`ends as if nothing had happened, lane ${lane + 1} of ${LANES}`, { timeout: 3_600_000 }, async (test) => {
      const mine = points.filter((_, at) => at % LANES === lane);
      const missed = WHICH === 'each' ? await same({ deaths: mine, counted: 'by run' }, test.expect.soft) : mine;
      // One that fails hides no other.
      for (const point of missed) await same({ deaths: [point] }, test.expect.soft);
    });
  }
});

describe('C5 killed again and again, each time another process goes on', () => {
  it.concurrent.each<readonly [string, readonly Point[]]>([
    ['two kills in a row', [settled(4), settled(6)]],
    ['a kill during resume, at its first event', [settled(9), { kind: 'any', nth: 1 }]],
    ['three kills during one resume', [turn(20), { kind: 'any', nth: 1 }, { kind: 'any', nth: 2 }, { kind: 'any', nth: 4 }]],
  ])('%s', { timeout: 600_000 }, async (_name, deaths) => void (await same({ deaths }, expect)));
});

function settled(nth: number): Point {
  return { kind: 'event', type: 'call.settled', nth };
}

function turn(nth: number): Point {
  return { kind: 'checkpoint', nth };
}

/**
 * The run ends as the one that nobody disturbed: same commits, ledger and effects, nothing on GitHub twice, no answer that was stored is asked for again. Gives the deaths that
 * did not happen.
 */
async function same(disturbance: Pick<Disturbance, 'deaths' | 'counted'>, demand: ExpectStatic['soft']): Promise<readonly Point[]> {
  const name = disturbance.deaths.map(nameOf).join(', then ');
  const played = await play(disturbance).catch((thrown: unknown) => ({ name, thrown }));
  if ('thrown' in played) {
    demand(played).toBeNull();
    return [];
  }
  const { end, answered, lost, repeated, missed } = played;
  demand({ name, end }).toEqual({ name, end: undisturbed.end });
  demand({ name, repeated }).toEqual({ name, repeated: [] });
  // What is not stored is asked for again only where it was on its way when a process died, and once for each time.
  demand(answered - end.stored, name).toBeLessThanOrEqual(lost);
  return missed;
}
