import { dollars, type MicroDollars } from '../domain/budget.ts';
import type { GateResult, Reviewer, VerdictOutcome } from '../domain/verdict.ts';
import { count } from '../domain/amounts.ts';
import { code, details, line, paragraphs, table } from './markdown.ts';

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
  const models = modelsOf(receipts);
  const folded = (shown: readonly Receipt[]): string =>
    details(
      `Receipts: ${count(receipts.length, 'shard')}`,
      paragraphs(
        rows(shown, models),
        onlyText(models),
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

/** The one model of all makers and the one of all reviewers, which is said once; null where there are several, or none. */
interface OnlyModels {
  readonly makers: string | null;
  readonly reviewers: string | null;
}

function modelsOf(receipts: readonly Receipt[]): OnlyModels {
  const only = (names: readonly string[]): string | null => (new Set(names).size === 1 ? (names[0] ?? null) : null);
  return {
    makers: only(receipts.flatMap(({ maker }) => (maker === null ? [] : [maker.model]))),
    reviewers: only(receipts.flatMap(({ reviewers }) => reviewers.map(({ model }) => model))),
  };
}

function onlyText({ makers, reviewers }: OnlyModels): string | null {
  const told = [
    ...(makers === null ? [] : [`Every change is of ${line(makers, 60)}.`]),
    ...(reviewers === null ? [] : [`Every reviewer is ${line(reviewers, 60)}.`]),
  ];
  return told.length === 0 ? null : told.join(' ');
}

/** Few columns: a squeezed table breaks its words. */
function rows(receipts: readonly Receipt[], models: OnlyModels): string {
  return table(
    ['Shard', 'Verdict', models.makers === null ? 'Made by, prompt' : 'Prompt', 'Gates', 'Reviewers', 'Cost'],
    receipts.map((receipt) => [
      code(receipt.shard),
      verdictText(receipt),
      makerText(receipt.maker, models.makers === null),
      gatesText(receipt.gates),
      reviewersText(receipt.reviewers, models.reviewers === null),
      dollars(receipt.cost),
    ]),
  );
}

function verdictText({ ending, verdict, rounds }: Receipt): string {
  const came = verdict === null ? null : `${verdict}, round ${rounds}`;
  return ending === 'accepted' && came !== null ? came : [ending, ...(came === null ? [] : [came])].join(': ');
}

function makerText(maker: Receipt['maker'], withModel: boolean): string {
  if (maker === null) return '–';
  const prompt = maker.prompt === null ? [] : [code(maker.prompt.slice(0, 12))];
  return [...(withModel ? [line(maker.model, 60)] : []), ...prompt].join(' ') || '–';
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

function reviewersText(reviewers: readonly Reviewer[], withModel: boolean): string {
  if (reviewers.length === 0) return '–';
  const models = [...new Set(reviewers.map(({ model }) => line(model, 60)))];
  const lenses = reviewers.map(({ lens, answered }) => `${line(lens, 30)}${answered ? '' : ' (no answer)'}`);
  return `${reviewers.length}: ${lenses.join(', ')}${withModel ? ` (${models.join(', ')})` : ''}`;
}
