import { expect, test } from 'vitest';
import { watchMonths } from '../../src/engine/month.ts';

test('a month that begins is told once, whatever the day', async () => {
  const dates = [
    '2026-11-30T23:59:59Z',
    '2026-11-30T23:59:59Z',
    '2026-12-01T00:00:00Z',
    '2026-12-01T00:00:00Z',
    '2026-12-31T00:00:00Z',
    '2027-01-01T00:00:00Z',
  ];
  const begun: string[] = [];
  const life = new AbortController();
  let looks = 0;
  await new Promise<void>((resolve) => {
    const now = (): Date => {
      const date = dates[Math.min(looks, dates.length - 1)] ?? '';
      looks += 1;
      if (looks > dates.length * 2) resolve();
      return new Date(date);
    };
    watchMonths({ begun: () => begun.push(dates[Math.min(looks, dates.length) - 1] ?? ''), signal: life.signal, everyMs: 1, now });
  });
  life.abort();
  expect(begun.map((date) => date.slice(0, 7))).toEqual(['2026-12', '2027-01']);
});
