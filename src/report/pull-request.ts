import { checksOf, passes, type CiResult } from '../domain/ci.ts';
import { dollars, tokensOf } from '../domain/budget.ts';
import type { Ledger, RunStatus } from '../domain/ledger.ts';
import type { Plan, Range } from '../domain/plan.ts';
import type { Place } from '../domain/run.ts';
import type { RunState } from '../domain/run-state.ts';
import { workedUntil } from '../domain/standing.ts';
import type { Finding } from '../domain/finding.ts';
import { amendmentList } from './amendments.ts';
import { ledgerLine, ledgerTable, STATUS_WORDS } from './ledger.ts';
import { receiptsTable, type Receipt } from './receipts.ts';
import { census } from './status-comment.ts';
import { plainWords } from './commit-message.ts';
import { count, duration, hours, whole } from '../domain/amounts.ts';
import { block, BODY_LIMIT, clip, code, details, fitting, line, link, paragraphs, table, plainLine } from './markdown.ts';

export function pullRequestTitle(plan: Plan): string {
  return clip(plainWords(plan.draft.title).replaceAll(/\s+/gu, ' ').trim(), 120);
}

/** Links the pull request with the issue that asked for it; not `Closes`, since a partial result closes nothing. */
export function origin(place: Place): string {
  return place.kind === 'issue'
    ? `Asked for in #${place.number}.`
    : `Made for #${place.number}; it merges into that pull request's branch.`;
}

export interface ReviewedShard {
  readonly id: string;
  readonly files: number;
  readonly added: number;
  readonly removed: number;
  readonly commit: string;
  readonly rounds: number;
  readonly reviewers: readonly string[];
  readonly notes: readonly Finding[];
  readonly corrected: readonly Finding[];
}

export interface ResultFacts {
  readonly run: string;
  readonly place: Place;
  readonly plan: Plan;
  readonly state: RunState;
  readonly status: Exclude<RunStatus, 'paused'>;
  readonly reasons: readonly string[];
  readonly ledger: Ledger;
  readonly shards: readonly ReviewedShard[];
  readonly leftOver: readonly { readonly shard: string; readonly files: readonly string[]; readonly reason: string }[];
  readonly checks: readonly {
    readonly name: string;
    readonly run: string;
    readonly outcome: 'passed' | 'failed' | 'fails-at-base';
    readonly output: string;
  }[];
  readonly base: CiResult | null;
  readonly head: CiResult | null;
  readonly caveats: readonly string[];
  readonly receipts: readonly Receipt[];
  /** Where the run's record stood when this was written, and its seal: who changes that record later is found out by this. */
  readonly sealed: { readonly n: number; readonly seal: string } | null;
  /** Address of the pull request: links lead to its host alone. */
  readonly home: string;
  /** Of the run page; null when it is not reachable. */
  readonly pageUrl: string | null;
}

/** Most of the run's own reasons, and of what was not verified, that are told. */
const SENTENCES = 20;

/** The final body: where to look first, then ledger, CI, verdicts, cost; detail folded away. Ledger, verdicts and receipts shrink to the room that all else leaves. */
export function pullRequestBody(facts: ResultFacts): string {
  const reasons = facts.status === 'completed' ? [] : few(facts.reasons.map((reason) => `- ${line(reason, 600)}`));
  const bodyWith = (ledger: string, accepted: string | null, receipts: string | null): string =>
    paragraphs(
      `## ${STATUS_WORDS[facts.status]}: ${ledgerLine(facts.ledger)}`,
      [origin(facts.place), ...reasons].join('\n'),
      `### Where to look first\n\n${lookFirst(facts)}`,
      `### CI\n\n${ciTable(facts)}`,
      facts.checks.length === 0 ? null : `### Checks on the converged tree\n\n${checksTable(facts)}`,
      `### Ledger\n\n${ledger}`,
      accepted,
      receipts,
      facts.state.amendments.length === 0 ? null : `### Changed after the approval\n\n${amendmentList(facts.state)}`,
      `### Cost\n\n${cost(facts)}`,
      facts.caveats.length === 0
        ? null
        : `### What was not verified\n\n${few(facts.caveats.map((caveat) => `- ${line(caveat)}`)).join('\n')}`,
      `<sub>Converge run ${code(facts.run)} · plan ${code(facts.plan.hash.slice(0, 12))} · each accepted shard was reviewed by verifiers who saw the diff, the guide and the gates, and nothing of the author's reasoning. Converge never approves or merges.${sealText(facts.sealed)}</sub>`,
    );
  const room = BODY_LIMIT - bodyWith('', null, null).length - '\n\n\n\n'.length;
  const length = (text: string | null): number => text?.length ?? 0;
  // One that is short leaves its room to the others.
  const shortest = ledgerTable(facts.ledger, { characters: room / 2, pageUrl: facts.pageUrl });
  const least = receiptsTable(facts.receipts, (room - shortest.length) / 2);
  const accepted = verdicts(facts.shards, room - shortest.length - length(least));
  const receipts = receiptsTable(facts.receipts, room - shortest.length - length(accepted));
  const ledger = ledgerTable(facts.ledger, { characters: room - length(accepted) - length(receipts), pageUrl: facts.pageUrl });
  return fitting(bodyWith(ledger, accepted, receipts));
}

function sealText(sealed: ResultFacts['sealed']): string {
  return sealed === null ? '' : ` Record: event ${sealed.n}, seal ${code(sealed.seal)}.`;
}

function few(lines: readonly string[]): readonly string[] {
  return lines.length <= SENTENCES ? lines : [...lines.slice(0, SENTENCES), `- and ${lines.length - SENTENCES} more`];
}

/** Shards left over that are named where a person looks first; the ledger has them all. */
const LEFT_OVER_NAMED = 10;

/** Files of a shard that are named in a sentence. */
const FILES_NAMED = 5;

function fewFiles(files: readonly string[]): string {
  const named = files.slice(0, FILES_NAMED).map((file) => code(file));
  return (files.length > FILES_NAMED ? [...named, `${files.length - FILES_NAMED} more`] : named).join(', ');
}

/** What deserves a person's eyes: left over first, then what verifiers noted, then what took the most rounds, then the largest. */
function lookFirst(facts: ResultFacts): string {
  const items: string[] = facts.leftOver
    .slice(0, LEFT_OVER_NAMED)
    .map(
      ({ shard, files, reason }) =>
        `**Left over**, ${code(shard)} (${fewFiles(files)}): ${line(reason)}. \`/workflow retry ${shard}\` tries it again, or do it by hand.`,
    );
  const unnamed = facts.leftOver.length - LEFT_OVER_NAMED;
  if (unnamed > 0) items.push(`${count(unnamed, 'more shard is', 'more shards are')} left over: see the ledger, and the comment below.`);
  const ranked = facts.shards.toSorted(
    (a, b) => b.notes.length - a.notes.length || b.rounds - a.rounds || b.added + b.removed - a.added - a.removed,
  );
  for (const shard of ranked.slice(0, Math.max(0, 5 - Math.min(items.length, 3)))) {
    const why = [
      shard.notes.length > 0 ? `${count(shard.notes.length, 'note')} from verifiers` : null,
      shard.rounds > 1
        ? `took ${shard.rounds} rounds: ${line(shard.corrected[0]?.claim ?? 'a gate failed', 160).replace(/\.$/u, '')}`
        : null,
      `+${shard.added} −${shard.removed} in ${count(shard.files, 'file')}`,
    ].filter((part) => part !== null);
    items.push(`${code(shard.id)} (${shard.commit.slice(0, 12)}): ${why.join('; ')}`);
  }
  return items.length === 0 ? 'Nothing was delivered.' : items.map((item, at) => `${at + 1}. ${item}`).join('\n');
}

/** Checks of CI that have a row; of what failed, outputs that are shown, and their last characters. */
const CHECKS_TOLD = 60;
const OUTPUTS_SHOWN = 5;
const OUTPUT_SHOWN = 3000;

export function ciTable({ base, head, home }: Pick<ResultFacts, 'base' | 'head' | 'home'>): string {
  if (head === null || base === null) return 'Nothing was delivered, so CI had nothing to say.';
  const names = [...new Set([...checksOf(base), ...checksOf(head)].map((check) => check.name))].toSorted();
  const of = (result: CiResult, name: string): string => {
    const check = checksOf(result).find((candidate) => candidate.name === name);
    if (check === undefined) return '–';
    const words = `${passes(check.conclusion) ? '✅' : '❌'} ${check.conclusion}`;
    return check.url === null ? words : link(words, check.url, home);
  };
  const fine = (name: string): boolean => checksOf(head).some((check) => check.name === name && passes(check.conclusion));
  const notes = [
    names.length <= CHECKS_TOLD
      ? null
      : `And ${count(names.length - CHECKS_TOLD, 'more check')}; those that did not pass on the head come first.`,
    base.kind === 'none' && head.kind === 'none'
      ? 'No CI reported anything on this repository: nothing but the checks above and below speaks for the result.'
      : null,
    base.kind === 'unknown' ? `Base: unknown, ${line(base.why)}` : null,
    head.kind === 'unknown' ? `Head: unknown, ${line(head.why)}` : null,
  ];
  const told = names.length <= CHECKS_TOLD ? names : names.toSorted((a, b) => Number(fine(a)) - Number(fine(b))).slice(0, CHECKS_TOLD);
  const rows = told.map((name) => [line(name, 100), of(base, name), of(head, name)]);
  return paragraphs(
    names.length === 0 ? null : table(['Check', `Base ${code(base.commit.slice(0, 12))}`, `Head ${code(head.commit.slice(0, 12))}`], rows),
    ...notes,
    ...checksOf(head)
      .filter((check) => !passes(check.conclusion) && check.summary !== '')
      .slice(0, OUTPUTS_SHOWN)
      .map((check) => details(`Output of ${plainLine(check.name, 100)} on the head`, block(check.summary.slice(-OUTPUT_SHOWN)))),
  );
}

function checksTable({ checks }: ResultFacts): string {
  const words = { passed: '✅ passed', failed: '❌ failed', 'fails-at-base': '🟡 fails, as it did on the base' };
  return paragraphs(
    table(
      ['Check', 'Command', 'Result'],
      checks.map((check) => [line(check.name, 60), code(check.run), words[check.outcome]]),
    ),
    ...checks
      .filter((check) => check.output !== '')
      .slice(0, OUTPUTS_SHOWN)
      .map((check) => details(`Output of ${plainLine(check.name, 60)}`, block(check.output.slice(-OUTPUT_SHOWN)))),
  );
}

/** As many as there is room for, those with the most to look at first; null without any. */
function verdicts(shards: readonly ReviewedShard[], room: number): string | null {
  if (shards.length === 0) return null;
  const folded = (shown: readonly ReviewedShard[]): string =>
    details(
      `Verdicts: ${count(shards.length, 'accepted shard')}`,
      paragraphs(
        verdictTable(shown),
        shown.length === shards.length ? null : `*And ${count(shards.length - shown.length, 'more shard')}, each told in a review below.*`,
      ),
    );
  const all = folded(shards);
  if (all.length <= room) return all;
  const ranked = shards.toSorted((a, b) => b.notes.length - a.notes.length || b.rounds - a.rounds);
  const each = Math.ceil(verdictTable(shards).length / shards.length);
  for (let shown = Math.min(shards.length - 1, Math.floor(room / each)); shown > 0; shown = Math.floor(shown * 0.8)) {
    const some = folded(ranked.slice(0, shown));
    if (some.length <= room) return some;
  }
  return null;
}

function verdictTable(shards: readonly ReviewedShard[]): string {
  return table(
    ['Shard', 'Commit', 'Diff', 'Rounds', 'Reviewed for', 'Notes'],
    shards.map((shard) => [
      code(shard.id),
      shard.commit.slice(0, 12),
      `+${shard.added} −${shard.removed}`,
      String(shard.rounds),
      shard.reviewers.map((lens) => line(lens, 30)).join(', '),
      String(shard.notes.length),
    ]),
  );
}

/** Items that a pull request names; the log has more of them, and the script alone knows all. */
const NAMED = 20;

/** What the script's own steps lost; null when they lost nothing. */
function lostItems({ lostItems: all }: RunState): string | null {
  if (all.length === 0) return null;
  const more = all.length > NAMED ? ['and more'] : [];
  return details(
    'Items that the script lost, because they threw',
    [...all.slice(0, NAMED).map((text) => line(text, 300)), ...more].map((text) => `- ${text}`).join('\n'),
  );
}

function cost({ plan, state }: ResultFacts): string {
  const { phases } = state.spending;
  return paragraphs(
    outcome(plan, state),
    details(`Agents by phase: ${state.census.total.finished} finished, ${state.census.total.failed} failed`, census(state)),
    lostItems(state),
    details(
      'Cost by phase',
      table(
        ['Phase', 'Cost', 'Input', 'Output', 'Cache read', 'Cache written'],
        phases.map(({ phase, spent, usage }) => [
          line(phase, 60) || '–',
          dollars(spent),
          whole(usage.input),
          whole(usage.output),
          whole(usage.cacheRead),
          whole(usage.cacheWrite5m + usage.cacheWrite1h),
        ]),
      ),
    ),
  );
}

/** What the plan estimated beside what it came to. Planning is in the outcome and not in the estimate: it was spent when the estimate was made. */
function outcome({ estimate }: Plan, { spending, census, standing, lastEventAt }: RunState): string {
  const { total } = spending;
  const range = ({ low, expected, worst }: Range, show: (value: number) => string): string =>
    `${show(expected)} (${show(low)} to ${show(worst)})`;
  const rows = [
    ['**Dollars**', range(estimate.cost, dollars), `**${dollars(total.spent)}** of ${dollars(standing.limits.budget)}`],
    ['**Agents**', range(estimate.agents, whole), whole(census.total.started)],
    ['**Tokens read**', range(estimate.inputTokens, whole), whole(tokensOf(total.usage) - total.usage.output)],
    ['**Tokens written**', range(estimate.outputTokens, whole), whole(total.usage.output)],
    ['**Time of work**', estimate.hours === undefined ? '–' : hours(estimate.hours), duration(workedUntil(standing, lastEventAt) / 1000)],
  ];
  const unknown = total.unknown === 0 ? null : `Of ${count(total.unknown, 'request')} the usage was never learned: charged in full.`;
  return paragraphs(table(['', 'Estimated', 'Came to, with planning'], rows), unknown);
}
