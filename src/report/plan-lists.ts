import type { Plan } from '../domain/plan.ts';
import { inCell } from './inert.ts';
import { count } from '../domain/amounts.ts';
import { code, line, table } from './markdown.ts';

/**
 * Most that each list of a plan's comments takes, in characters: then the number of comments is bounded, whatever the repository's size (invariant 11). The hash names the
 * whole plan all the same.
 */
const ROOM = 200_000;
/** Files shown of each shard: as many as there is room for. */
const SHOWN_FILES = [200, 50, 10, 3, 0];

/** Characters of a task in the list, where it has a narrow column; a longer one is shown beside it, word for word. */
export const TASK_SHOWN = 80;

export function shardList(plan: Plan): string {
  const lists = SHOWN_FILES.map((most) => plan.shards.map((shard) => shardRow(shard, most)));
  const rows = lists.find((candidate) => lengthOf(candidate) <= ROOM) ?? lists.at(-1) ?? [];
  return bounded(['Shard', 'Kind', 'Files', 'After', 'Task or owner'], rows);
}

export function skippedList(plan: Plan): string {
  return bounded(
    ['File', 'Why'],
    plan.skipped.map((file) => [code(file.path), line(file.why)]),
  );
}

/** Most characters of one row's files: a row is never cut between two comments. */
const ROW_ROOM = 20_000;

function shardRow(shard: Plan['shards'][number], most: number): readonly string[] {
  let room = ROW_ROOM;
  const fits = shard.files.slice(0, most).map((file) => code(file));
  const shown = fits.filter((file) => (room -= inCell(file).length + '<br>'.length) >= 0);
  const left = shard.files.length - shown.length;
  const files = left === 0 ? shown : [...shown, shown.length === 0 ? count(left, 'file') : `and ${left} more`];
  const after = shard.after.map((id) => code(id)).join(' ') || '–';
  return [
    code(shard.id),
    shard.kind,
    files.join('<br>'),
    after,
    line(shard.task, TASK_SHOWN) || (shard.owner === null ? '–' : line(shard.owner)),
  ];
}

function bounded(head: readonly string[], rows: readonly (readonly string[])[]): string {
  let room = ROOM;
  const shown = rows.filter((row) => (room -= lengthOf([row])) >= 0);
  const left = rows.length - shown.length;
  return left === 0 ? table(head, rows) : `${table(head, shown)}\n\n*And ${count(left, 'more row')}, for which there is no room.*`;
}

function lengthOf(rows: readonly (readonly string[])[]): number {
  return rows.reduce((sum, row) => sum + row.reduce((cells, text) => cells + inCell(text).length + 3, 2), 0);
}
