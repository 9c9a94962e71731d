import type { Ledger, LedgerEntry, RunStatus } from '../domain/ledger.ts';
import { countEndings, type Ending } from '../domain/ledger.ts';
import { cell, count, details, line, paragraphs, table } from './markdown.ts';

const WORDS: Readonly<Record<Ending, string>> = {
  migrated: '✅ migrated and verified',
  skipped: '➖ skipped, with a reason',
  'left-over': '⛔ left\u00A0over',
  unverified: '❔ unverified',
  dropped: '➖ dropped',
  'not-started': '⏹️ not\u00A0started',
};

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
    .map((ending) => WORDS[ending].replace(/^\S+ /u, `${counts[ending]} `))
    .join(' · ');
}

/** Every file of the inventory with how it ended and why: what needs a person first, the rest folded. */
export function ledgerTable(ledger: Ledger): string {
  const counts = countEndings(ledger);
  const open = ledger.filter((entry) => entry.ending !== 'migrated' && entry.ending !== 'skipped');
  const closed = ledger.filter((entry) => entry.ending === 'migrated' || entry.ending === 'skipped');
  const totals = table(
    ['Ended as', 'Files'],
    ORDER.filter((ending) => counts[ending] > 0).map((ending) => [WORDS[ending], String(counts[ending])]),
  );
  return paragraphs(
    totals,
    open.length === 0
      ? null
      : table(
          ['File', 'Ended as', 'Why'],
          open.map((entry) => row(entry)),
        ),
    closed.length === 0
      ? null
      : details(
          `All ${count(closed.length, 'file')} that ended well`,
          table(
            ['File', 'Ended as', 'Why'],
            closed.map((entry) => row(entry)),
          ),
        ),
  );
}

function row(entry: LedgerEntry): readonly string[] {
  return [cell(entry.path), WORDS[entry.ending], line(entry.why)];
}
