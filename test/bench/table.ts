/** What a bench measured: every figure is a ratio of things measured in the same run, or says its unit. */
export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** What was to be reached. */
  readonly verdicts: readonly Verdict[];
  /** What a reader must know of how it was measured. */
  readonly notes?: readonly string[];
}

export interface Verdict {
  readonly name: string;
  readonly value: number;
  /** `value` is to be at most, or at least, this. */
  readonly limit: number;
  readonly ok: boolean;
}

export interface Bench {
  readonly name: string;
  run(): Promise<Table>;
}

export function atMost(name: string, value: number, limit: number): Verdict {
  return { name, value: round(value), limit, ok: value <= limit };
}

export function atLeast(name: string, value: number, limit: number): Verdict {
  return { name, value: round(value), limit, ok: value >= limit };
}

/** Three significant digits: more would be noise. */
export function round(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(3)) : value;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** As people read it in a terminal. */
export function render({ title, columns, rows, verdicts, notes = [] }: Table): string {
  const cells = [columns, ...rows].map((row) => row.map(String));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => (row[at] ?? '').length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  ');
  const [head = [], ...body] = cells;
  const judged = verdicts.map(({ name, value, limit, ok }) => `${ok ? 'reached' : 'MISSED '}  ${name}: ${value} (limit ${limit})`);
  return [
    title,
    '',
    line(head),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...body.map(line),
    '',
    ...judged,
    ...notes.map((note) => `note: ${note}`),
  ].join('\n');
}
