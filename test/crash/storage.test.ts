import { execFile } from 'node:child_process';
import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Scene } from '../e2e/support.ts';
import { startApp } from '../../src/local/app-process.ts';
import { NOW, type Played, play } from './play.ts';

/* What storage does to a run: a disk that is full, a log that is cut, a clock that is set back, a second process. */

const run = promisify(execFile);

let undisturbed: Played;

beforeAll(async () => {
  undisturbed = await play({ deaths: [] });
}, 600_000);

function logOf({ dataDirectory }: Scene): string {
  return join(dataDirectory, 'journal.sqlite-wal');
}

/** No file of the process may grow beyond this: for it, and all that it starts, the disk is full. */
async function limitFiles({ app }: Scene, bytes: number | 'unlimited'): Promise<void> {
  await run('prlimit', ['--pid', String(app().pid), `--fsize=${bytes}:`]);
}

describe('a disk that is full', () => {
  it('pauses the run with a clear message; with room again it goes on by itself, and nothing is lost', { timeout: 600_000 }, async () => {
    const said: string[] = [];
    const { end, answered, repeated } = await play({
      deaths: [],
      during: async (scene, { run: id, issue }) => {
        await scene.until('agents at work', async () => ((await scene.facts(id))?.agents.started ?? 0) > 2);
        await limitFiles(scene, statSync(logOf(scene)).size);
        said.push(
          await scene.until('a word on GitHub', () => scene.ours(issue).find((body) => body.includes('journal could not be written'))),
        );
        await limitFiles(scene, 'unlimited');
      },
    });
    expect(said[0]).toContain('Nothing of it was recorded; check the disk that holds DATA_DIR');
    expect(end).toEqual(undisturbed.end);
    // What was answered while nothing could be written was asked for again; everything else was not.
    expect(answered - end.stored).toBeLessThanOrEqual(16);
    expect(repeated).toEqual([]);
  });
});

describe('a log that was cut', () => {
  /** Frames of SQLite's log: a page and 24 bytes; the file begins with 32. */
  const FRAME = 4096 + 24;

  it.each([4, 9, 13])('after effect %i: it is found again on GitHub by its mark, and not done twice', { timeout: 600_000 }, async (nth) => {
    const { end } = await play({
      deaths: [{ kind: 'acted', nth, what: 'effect' }],
      meanwhile: (scene) => {
        const frames = Math.floor((statSync(logOf(scene)).size - 32) / FRAME);
        // The last commits: among them the one that says that this effect is intended.
        truncateSync(logOf(scene), 32 + FRAME * Math.max(0, frames - 12) + 1000);
      },
    });
    expect(end.posts).toEqual(undisturbed.end.posts);
    expect(end.effects).toEqual(undisturbed.end.effects);
    expect({ ...end, stored: 0 }).toEqual({ ...undisturbed.end, stored: 0 });
  });
});

describe('a clock that is set back', () => {
  it('changes nothing but dates', { timeout: 600_000 }, async () => {
    const { end } = await play({
      deaths: [{ kind: 'event', type: 'call.settled', nth: 8 }],
      clock: (process) => (process === 0 ? NOW : '2026-11-22T09:00:00.000Z'),
    });
    const without = (one: typeof end): unknown => ({
      ...one,
      commits: one.commits.length,
      effects: one.effects.map((key) => key.replace(/[0-9a-f]{40}/u, '')),
    });
    expect(without(end)).toEqual(without(undisturbed.end));
  });
});

describe('a second process on the same data', () => {
  it('refuses to start, says who has it, and disturbs nothing', { timeout: 600_000 }, async () => {
    const lines: string[] = [];
    const { end } = await play({
      deaths: [],
      during: async ({ world, dataDirectory }) => {
        const second = startApp({
          world,
          owner: 'acme',
          webhookSecret: 'another secret',
          port: 0,
          dataDirectory,
          model: { apiKey: 'scripted', baseUrl: null },
          confinement: 'none',
          onLine: (line) => lines.push(line),
        });
        expect(await second.ended).toBe(1);
      },
    });
    expect(lines.join('\n')).toMatch(/another Converge|another process/iu);
    expect(end).toEqual(undisturbed.end);
  });
});
