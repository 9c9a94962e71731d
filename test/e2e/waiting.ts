import { setTimeout as pause } from 'node:timers/promises';

/** Looks again and again until there is something; ends in an error that carries the App's last lines. */
export type Until = <Found>(
  what: string,
  look: () => Found | Promise<Found>,
  ms?: number,
) => Promise<Exclude<Found, undefined | null | false>>;

/** Looks every 25 ms. Nothing depends on when: only on that it comes. */
export function untilWith(log: readonly string[]): Until {
  return async (what, look, ms = 60_000) => {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = await look();
      if (isThere(found)) return found;
      if (Date.now() > deadline) throw new Error(`Waited ${ms / 1000} s for ${what}.\n${tail(log)}`);
      await pause(25);
    }
  };
}

/** Text as people read it: spaces that do not break are spaces. */
export function plain(text: string | null | undefined): string {
  return (text ?? '').replaceAll('\u00A0', ' ');
}

function isThere<Found>(found: Found): found is Exclude<Found, undefined | null | false> {
  return found !== undefined && found !== null && found !== false;
}

export function tail(log: readonly string[]): string {
  return ['The App’s last lines:', ...log.slice(-25).map((line) => line.slice(0, 600))].join('\n');
}
