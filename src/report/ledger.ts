import type { Ledger, LedgerEntry, RunStatus } from '../domain/ledger.ts';
import { countEndings, type Ending } from '../domain/ledger.ts';
import { count } from '../domain/amounts.ts';
import { code, details, line, paragraphs, table } from './markdown.ts';

const WORDS: Readonly<Record<Ending, string>> = {
  migrated: '✅ migrated and verified',
  skipped: '➖ skipped, with a reason',
  'left-over': '⛔\u00A0left\u00A0over',
  unverified: '❔ unverified',
  dropped: '➖ dropped',
  'not-started': '⏹️\u00A0not\u00A0started',
};

/** In a row beside the reason, which says by what it was verified. */
const SHORT: Readonly<Record<Ending, string>> = { ...WORDS, migrated: '✅\u00A0migrated', skipped: '➖\u00A0skipped' };

const ORDER: readonly Ending[] = ['left-over', 'unverified', 'not-started', 'dropped', 'skipped', 'migrated'];

export const STATUS_WORDS: Readonly<Record<RunStatus, string>> = {
  completed: '✅ Completed',
  partial: '🟡 Partial',
  failed: '❌ Failed',
  stopped: '⏹️ Stopped',
  paused: '⏸️ Paused',
};

/** `18 migrated and verified · 2 left over`, in one line. */
export function ledgerLine(ledger: Ledger): string {
  const counts = countEndings(ledger);
  return ORDER.toReversed()
    .filter((ending) => counts[ending] > 0)
    .map((ending) => WORDS[ending].replace(/^\S+\s/u, `${counts[ending]} `))
    .join(' · ');
}

/** How much of a ledger there is place for. */
export interface Room {
  /** In characters; without end unless told. */
  readonly characters: number;
  /** Where every file is listed, for what does not fit; null when nothing links there. */
  readonly pageUrl: string | null;
}

const UNBOUNDED: Room = { characters: Number.POSITIVE_INFINITY, pageUrl: null };

/** Deepest directories by which files are grouped when they do not fit one by one; then fewer, and at last the totals alone. */
const DEEPEST = 6;

/** Every file of the inventory with how it ended and why: what needs a person first, the rest folded. What does not fit is grouped by directory, with counts. */
export function ledgerTable(ledger: Ledger, room: Room = UNBOUNDED): string {
  const open = ledger.filter((entry) => isOpen(entry));
  const closed = ledger.filter((entry) => !isOpen(entry));
  const depths = Array.from({ length: DEEPEST }, (_, at) => DEEPEST - at);
  const total = totals(ledger);
  const closedAt = depths.map((depth) => ({ depth, rows: rowsOf(closed, depth) }));
  const openAt = closedAt.map(({ depth, rows }) => ({ depth, rows: rows + rowsOf(open, depth) }));
  const ways: readonly (() => string)[] = [
    ...(mayFit(ledger.length, room) ? [() => paragraphs(total, files(open), wellEnded(closed, files(closed)))] : []),
    ...closedAt
      .filter(({ rows }) => mayFit(open.length + rows, room))
      .map(
        ({ depth }) =>
          () =>
            paragraphs(total, files(open), wellEnded(closed, directories(closed, depth)), grouped(ledger, room)),
      ),
    ...openAt
      .filter(({ rows }) => mayFit(rows, room))
      .map(
        ({ depth }) =>
          () =>
            paragraphs(total, directories(open, depth), wellEnded(closed, directories(closed, depth)), grouped(ledger, room)),
      ),
  ];
  for (const way of ways) {
    const text = way();
    if (text.length <= room.characters) return text;
  }
  return paragraphs(total, grouped(ledger, room));
}

/** A row is no shorter, so that a huge ledger is not rendered to be thrown away. */
const SHORTEST_ROW = 20;

function mayFit(rows: number, { characters }: Room): boolean {
  return rows * SHORTEST_ROW <= characters;
}

function isOpen({ ending }: LedgerEntry): boolean {
  return ending !== 'migrated' && ending !== 'skipped';
}

function totals(ledger: Ledger): string {
  const counts = countEndings(ledger);
  return table(
    ['Ended as', 'Files'],
    ORDER.filter((ending) => counts[ending] > 0).map((ending) => [WORDS[ending], String(counts[ending])]),
  );
}

function wellEnded(closed: Ledger, shown: string | null): string | null {
  return shown === null ? null : details(`All ${count(closed.length, 'file')} that ended well`, shown);
}

function files(entries: Ledger): string | null {
  if (entries.length === 0) return null;
  // Thousands of files end for a few reasons.
  const whys = new Map([...new Set(entries.map(({ why }) => why))].map((why) => [why, line(why)]));
  return table(
    ['File', 'Ended as', 'Why'],
    entries.map((entry) => [code(entry.path), SHORT[entry.ending], whys.get(entry.why) ?? '']),
  );
}

/** One row for each directory of that depth and each ending in it; the reason when all of its files have the same. */
function directories(entries: Ledger, depth: number): string | null {
  if (entries.length === 0) return null;
  const lines = new Map<string, string>();
  const lineOf = (why: string): string => {
    const known = lines.get(why) ?? line(why, 120);
    lines.set(why, known);
    return known;
  };
  const rows = [...Map.groupBy(entries, (entry) => rowOf(entry, depth)).values()].map((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const whys = new Set(group.map(({ why }) => why));
    const why = whys.size === 1 ? lineOf(first.why) : count(whys.size, 'reason');
    return [code(directoryOf(first.path, depth) || './'), String(group.length), SHORT[first.ending], why];
  });
  return table(['Directory', 'Files', 'Ended as', 'Why'], rows);
}

/** How many rows that makes. */
function rowsOf(entries: Ledger, depth: number): number {
  return new Set(entries.map((entry) => rowOf(entry, depth))).size;
}

function rowOf({ path, ending }: LedgerEntry, depth: number): string {
  return `${ending} ${directoryOf(path, depth)}`;
}

/** At most so many directories of the path, with a slash at the end; empty for a file at the root. */
function directoryOf(path: string, depth: number): string {
  let end = 0;
  for (let level = 0; level < depth; level += 1) {
    const slash = path.indexOf('/', end);
    if (slash === -1) break;
    end = slash + 1;
  }
  return path.slice(0, end);
}

function grouped(ledger: Ledger, { pageUrl }: Room): string {
  const page = pageUrl === null ? 'run page' : `[run page](${pageUrl})`;
  return `*${count(ledger.length, 'file')} do not fit here one by one: the ${page} lists each, with how it ended and why.*`;
}
