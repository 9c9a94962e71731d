import { expect, it } from 'vitest';
import { quickestSync } from '../../src/journal/disk-sync.ts';

function disk() {
  const state = { now: 0, takes: 0.2, ways: [] as string[] };
  const sync = quickestSync({
    here: () => {
      state.now += state.takes;
      state.ways.push('here');
    },
    aside: async () => void state.ways.push('aside'),
    now: () => state.now,
  });
  return { state, sync };
}

it('a quick disk is waited for here', async () => {
  const { state, sync } = disk();
  for (let n = 0; n < 5; n++) await sync();
  expect(state.ways).toEqual(['here', 'here', 'here', 'here', 'here']);
});

it('a slow one blocks once, and again when it was left alone for a hundred, then for two hundred', async () => {
  const { state, sync } = disk();
  state.takes = 5;
  for (let n = 0; n < 102; n++) await sync();
  expect(state.ways).toEqual(['here', ...Array.from({ length: 100 }, () => 'aside'), 'here']);
  state.takes = 0.2;
  state.ways = [];
  for (let n = 0; n < 202; n++) await sync();
  expect(state.ways.slice(199)).toEqual(['aside', 'here', 'here']);
  state.takes = 5;
  state.ways = [];
  for (let n = 0; n < 102; n++) await sync();
  expect(state.ways.slice(99)).toEqual(['aside', 'aside', 'here']);
});

it('what the disk refuses is thrown, in either way', async () => {
  let now = 0;
  let broken = false;
  const refusing = quickestSync({
    here: () => {
      if (broken) throw new Error('EIO here');
      now += 5;
    },
    aside: () => Promise.reject(new Error('EIO aside')),
    now: () => now,
  });
  await refusing();
  await expect(refusing()).rejects.toThrow('EIO aside');
  broken = true;
  for (let n = 0; n < 99; n++) await refusing().catch(() => undefined);
  await expect(refusing()).rejects.toThrow('EIO here');
});
