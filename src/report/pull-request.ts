import { checksOf, passes, type CiResult } from '../domain/ci.ts';
import { dollars } from '../domain/budget.ts';
import type { Ledger, RunStatus } from '../domain/ledger.ts';
import type { Plan } from '../domain/plan.ts';
import type { Place } from '../domain/run.ts';
import type { RunState } from '../domain/run-state.ts';
import type { Finding } from '../domain/finding.ts';
import { ledgerLine, ledgerTable, STATUS_WORDS } from './ledger.ts';
import { block, BODY_LIMIT, cell, clip, code, count, details, duration, line, paragraphs, table } from './markdown.ts';

export function pullRequestTitle(plan: Plan): string {
  return clip(plan.draft.title.replaceAll(/\s+/gu, ' ').trim(), 120);
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
  readonly seconds: number;
}

/** The final body: where to look first, then ledger, CI, verdicts, cost; detail folded away. */
export function pullRequestBody(facts: ResultFacts): string {
  const body = paragraphs(
    `## ${STATUS_WORDS[facts.status]}: ${ledgerLine(facts.ledger)}`,
    [origin(facts.place), ...(facts.status === 'completed' ? [] : facts.reasons.map((reason) => `- ${line(reason, 600)}`))].join('\n'),
    `### Where to look first\n\n${lookFirst(facts)}`,
    `### CI\n\n${ciTable(facts)}`,
    facts.checks.length === 0 ? null : `### Checks on the converged tree\n\n${checksTable(facts)}`,
    `### Ledger\n\n${ledgerTable(facts.ledger)}`,
    facts.shards.length === 0 ? null : details(`Verdicts: ${count(facts.shards.length, 'accepted shard')}`, verdicts(facts.shards)),
    `### Cost\n\n${cost(facts)}`,
    facts.caveats.length === 0 ? null : `### What was not verified\n\n${facts.caveats.map((caveat) => `- ${line(caveat)}`).join('\n')}`,
    `<sub>Converge run ${code(facts.run)} · plan ${code(facts.plan.hash.slice(0, 12))} · every commit was reviewed by verifiers who saw the diff, the guide and the gates, and nothing of the author's reasoning. Converge never approves or merges.</sub>`,
  );
  return clip(body, BODY_LIMIT);
}

/** What deserves a person's eyes: left over first, then what verifiers noted, then what took the most rounds, then the largest. */
function lookFirst(facts: ResultFacts): string {
  const items: string[] = facts.leftOver.map(
    ({ shard, files, reason }) =>
      `**Left over**, ${code(shard)} (${line(files.join(', '), 200)}): ${line(reason)}. Do it by hand, or say more in \`/workflow migrate\` on what is left.`,
  );
  const ranked = facts.shards.toSorted(
    (a, b) => b.notes.length - a.notes.length || b.rounds - a.rounds || b.added + b.removed - a.added - a.removed,
  );
  for (const shard of ranked.slice(0, Math.max(0, 5 - Math.min(items.length, 3)))) {
    const why = [
      shard.notes.length > 0 ? `${count(shard.notes.length, 'note')} from verifiers` : null,
      shard.rounds > 1 ? `took ${shard.rounds} rounds: ${line(shard.corrected[0]?.claim ?? 'a gate failed', 160)}` : null,
      `+${shard.added} −${shard.removed} in ${count(shard.files, 'file')}`,
    ].filter((part) => part !== null);
    items.push(`${code(shard.id)} (${shard.commit.slice(0, 12)}): ${why.join('; ')}`);
  }
  return items.length === 0 ? 'Nothing was delivered.' : items.map((item, at) => `${at + 1}. ${item}`).join('\n');
}

export function ciTable({ base, head }: { readonly base: CiResult | null; readonly head: CiResult | null }): string {
  if (head === null || base === null) return 'Nothing was delivered, so CI had nothing to say.';
  const names = [...new Set([...checksOf(base), ...checksOf(head)].map((check) => check.name))].toSorted();
  const of = (result: CiResult, name: string): string => {
    const check = checksOf(result).find((candidate) => candidate.name === name);
    if (check === undefined) return '–';
    const words = `${passes(check.conclusion) ? '✅' : '❌'} ${check.conclusion}`;
    return check.url === null ? words : `[${words}](${check.url})`;
  };
  const notes = [
    base.kind === 'none' && head.kind === 'none'
      ? 'No CI reported anything on this repository: nothing but the checks above and below speaks for the result.'
      : null,
    base.kind === 'unknown' ? `Base: unknown, ${line(base.why)}` : null,
    head.kind === 'unknown' ? `Head: unknown, ${line(head.why)}` : null,
  ];
  const rows = names.map((name) => [line(name, 100), of(base, name), of(head, name)]);
  return paragraphs(
    names.length === 0 ? null : table(['Check', `Base ${cell(base.commit.slice(0, 12))}`, `Head ${cell(head.commit.slice(0, 12))}`], rows),
    ...notes,
    ...checksOf(head)
      .filter((check) => !passes(check.conclusion) && check.summary !== '')
      .slice(0, 5)
      .map((check) => details(`Output of ${line(check.name, 100)} on the head`, block(check.summary.slice(-4000)))),
  );
}

function checksTable({ checks }: ResultFacts): string {
  const words = { passed: '✅ passed', failed: '❌ failed', 'fails-at-base': '🟡 fails, as it did on the base' };
  return paragraphs(
    table(
      ['Check', 'Command', 'Result'],
      checks.map((check) => [line(check.name, 60), cell(check.run), words[check.outcome]]),
    ),
    ...checks.filter((check) => check.output !== '').map((check) => details(`Output of ${line(check.name, 60)}`, block(check.output))),
  );
}

function verdicts(shards: readonly ReviewedShard[]): string {
  return table(
    ['Shard', 'Commit', 'Diff', 'Rounds', 'Reviewed for', 'Notes'],
    shards.map((shard) => [
      cell(shard.id),
      shard.commit.slice(0, 12),
      `+${shard.added} −${shard.removed}`,
      String(shard.rounds),
      shard.reviewers.map((lens) => line(lens, 30)).join(', '),
      String(shard.notes.length),
    ]),
  );
}

function cost({ plan, state, seconds }: ResultFacts): string {
  const { total, phases } = state.spending;
  const tokens = (number: number): string => number.toLocaleString('en-US');
  return paragraphs(
    `**${dollars(total.spent)}** of ${dollars(plan.limits.budget)} (expected ${dollars(plan.estimate.cost.expected)}, ${dollars(plan.estimate.cost.low)} to ${dollars(plan.estimate.cost.worst)}) · ${count(state.census.total.started, 'agent')} · ${duration(seconds)}`,
    details(
      'By phase',
      table(
        ['Phase', 'Cost', 'Input', 'Output', 'Cache read', 'Cache written'],
        phases.map(({ phase, spent, usage }) => [
          line(phase, 60) || '–',
          dollars(spent),
          tokens(usage.input),
          tokens(usage.output),
          tokens(usage.cacheRead),
          tokens(usage.cacheWrite5m + usage.cacheWrite1h),
        ]),
      ),
    ),
  );
}
