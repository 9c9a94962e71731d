/** Numbers with units as people read them: the one place. Money is in budget.ts. */

/** `1 shard`, `3 shards`, `1,200 pushes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${whole(number)} ${number === 1 ? one : many}`;
}

/** `1,200`. */
export function whole(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}

/** `42 s`, `3 min`, `1 h`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const rounded = Math.round(seconds);
  if (rounded < 90 && rounded !== 60) return `${rounded} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90 && minutes !== 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest === 0 ? '' : ` ${rest} min`}`;
}

/** A range of hours of work, in the unit that reads best. */
export function hours({ low, expected, worst }: { readonly low: number; readonly expected: number; readonly worst: number }): string {
  return `${duration(expected * 3_600)} (${duration(low * 3_600)} to ${duration(worst * 3_600)})`;
}
