import { dollars, type MicroDollars } from '../domain/budget.ts';
import type { GateResult, Reviewer, VerdictOutcome } from '../domain/verdict.ts';
import { cell, count, details, line, paragraphs, table } from './markdown.ts';

/** What one shard's result rests on, and what it cost with everything that was tried for it. */
export interface Receipt {
  readonly shard: string;
  readonly ending: 'accepted' | 'left over' | 'dropped';
  /** Of its last change: the agent's model, and sha256 of its system text and brief; null where there is none, the prompt also in records of earlier versions. */
  readonly maker: { readonly model: string; readonly prompt: string | null } | null;
  /** Of its last verdict, like all that follows; empty and null without one. */
  readonly gates: readonly GateResult[];
  readonly reviewers: readonly Reviewer[];
  readonly verdict: VerdictOutcome | null;
  /** Reviews, in this generation. */
  readonly rounds: number;
  readonly cost: MicroDollars;
}

/** As many as there is room for, the dearest first where not all fit; null without any. */
export function receiptsTable(receipts: readonly Receipt[], room: number): string | null {
  if (receipts.length === 0) return null;
  const folded = (shown: readonly Receipt[]): string =>
    details(
      `Receipts: ${count(receipts.length, 'shard')}`,
      paragraphs(
        rows(shown),
        shown.length === receipts.length
          ? null
          : `*And ${count(receipts.length - shown.length, 'more shard')}, each cheaper than these; the audit log has them all.*`,
      ),
    );
  const dearest = receipts.toSorted((a, b) => b.cost - a.cost);
  // So long is one row at the least: a huge table is not rendered to be thrown away.
  let shown = Math.min(receipts.length, Math.floor(Math.max(0, room) / SHORTEST_ROW));
  if (shown === receipts.length) {
    const all = folded(receipts);
    if (all.length <= room) return all;
  }
  for (; shown > 0; shown = Math.floor(shown * 0.8)) {
    const some = folded(dearest.slice(0, shown));
    if (some.length <= room) return some;
  }
  return null;
}

const SHORTEST_ROW = 40;

function rows(receipts: readonly Receipt[]): string {
  return table(
    ['Shard', 'Ended as', 'Made by', 'Prompt', 'Gates', 'Reviewers', 'Verdict', 'Cost'],
    receipts.map(({ shard, ending, maker, gates, reviewers, verdict, rounds, cost }) => [
      cell(shard),
      ending,
      maker === null ? '–' : line(maker.model, 60),
      maker?.prompt == null ? '–' : cell(maker.prompt.slice(0, 12)),
      gatesText(gates),
      reviewersText(reviewers),
      verdict === null ? '–' : `${verdict}, round ${rounds}`,
      dollars(cost),
    ]),
  );
}

/** What did not pass by its name; a check that has nothing to say is told as skipped. */
function gatesText(gates: readonly GateResult[]): string {
  if (gates.length === 0) return '–';
  const of = (outcome: GateResult['outcome']): readonly GateResult[] => gates.filter((gate) => gate.outcome === outcome);
  const named = (['failed', 'unknown'] as const).flatMap((outcome) => {
    const some = of(outcome);
    return some.length === 0 ? [] : [`${some.length} ${outcome} (${some.map(({ gate }) => line(gate, 40)).join(', ')})`];
  });
  const skipped = of('skipped').length;
  return [`${of('passed').length} passed`, ...named, ...(skipped === 0 ? [] : [`${skipped} skipped`])].join(', ');
}

function reviewersText(reviewers: readonly Reviewer[]): string {
  if (reviewers.length === 0) return '–';
  const models = [...new Set(reviewers.map(({ model }) => model))];
  const lenses = reviewers.map(({ lens, answered }) => `${line(lens, 30)}${answered ? '' : ' (no answer)'}`);
  return `${reviewers.length}: ${lenses.join(', ')} (${models.map((model) => line(model, 60)).join(', ')})`;
}
