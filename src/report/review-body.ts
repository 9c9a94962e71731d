import type { Finding } from '../domain/finding.ts';
import type { Plan } from '../domain/plan.ts';
import type { Verdict } from '../domain/verdict.ts';
import { count } from '../domain/amounts.ts';
import { block, clip, code, details, fitting, line, paragraphs, prose, table, plainLine } from './markdown.ts';

export interface ReviewFacts {
  readonly plan: Plan;
  readonly commit: string;
  readonly shards: readonly ReviewedRounds[];
  /** Findings of the last round that are not on a line of the diff. */
  readonly elsewhere: readonly Finding[];
}

export interface ReviewedRounds {
  readonly id: string;
  readonly files: readonly string[];
  readonly verdicts: readonly Verdict[];
}

/** One delivered commit's review: each round's findings and how they were answered, then what remains. */
export function reviewBody(facts: ReviewFacts): string {
  return fitting(
    paragraphs(
      ...facts.shards.map((shard) => shardReview(shard)),
      facts.elsewhere.length === 0
        ? null
        : `**Notes that are on no line of this diff**\n\n${facts.elsewhere.map((finding) => `- ${findingLine(finding)}`).join('\n')}`,
      '<sub>By verifiers in fresh contexts, who saw the diff, the guide and the gates’ results, could read and not write, and were told to presume error. A comment, not an approval: a person decides.</sub>',
    ),
  );
}

function shardReview({ id, files, verdicts }: ReviewedRounds): string {
  const last = verdicts.at(-1);
  const lenses = last?.reviewers.filter((reviewer) => reviewer.answered).map((reviewer) => line(reviewer.lens, 40)) ?? [];
  return paragraphs(
    `### ✅ Accepted: ${code(id)}`,
    `${count(files.length, 'file')} · ${count(verdicts.length, 'round')} · reviewed for ${lenses.join(' and ')}`,
    verdicts.length < 2
      ? null
      : verdicts
          .slice(0, -1)
          .map((verdict, at) => round(verdict, at + 1))
          .join('\n\n'),
    last === undefined
      ? null
      : details(
          `Gates of the accepted change: ${count(last.gates.filter((gate) => gate.outcome === 'passed').length, 'gate')} passed`,
          gates(last),
        ),
  );
}

/** A round that was sent back: the next change answered it, which the round after it confirmed. */
function round(verdict: Verdict, number: number): string {
  const blocking = verdict.findings.filter((finding) => finding.severity === 'blocking');
  const answered = verdict.outcome === 'unverified' ? 'a reviewer did not answer; it was reviewed again' : 'sent back and mended';
  return paragraphs(
    `**Round ${number}: ${answered}**`,
    ...blocking.map((finding) => paragraphs(`- ${findingLine(finding)}`, evidence(finding))),
  );
}

function findingLine(finding: Finding): string {
  const where = finding.line === null ? code(finding.path) : `${code(finding.path)} line ${finding.line}`;
  return `**${line(finding.rule, 40)}** ${where}: ${line(finding.claim, 600)}`;
}

function evidence(finding: Finding): string | null {
  if (finding.evidence === null) return null;
  if (finding.evidence.kind === 'command')
    return details(`Output of ${plainLine(finding.evidence.name, 60)}`, block(finding.evidence.output.slice(-3000)));
  const removed = finding.evidence.before.split('\n').map((text) => `- ${text}`);
  const added = finding.evidence.after.split('\n').map((text) => `+ ${text}`);
  return details('Evidence', block(clip([...removed, ...added].join('\n'), 3000), 'diff'));
}

function gates(verdict: Verdict): string {
  const words = { passed: '✅ passed', failed: '❌ failed', skipped: '➖ not asked', unknown: '❔ could not be run' };
  return table(
    ['Gate', 'Result', ''],
    verdict.gates.map((gate) => [line(gate.gate, 60), words[gate.outcome], line(gate.detail, 200)]),
  );
}

/** One finding as an inline comment. */
export function inlineComment(finding: Finding): string {
  return fitting(
    paragraphs(
      `**${line(finding.rule, 40)}** · ${finding.severity === 'blocking' ? 'blocking' : 'note'}`,
      prose(clip(finding.claim, 2000)),
    ),
  );
}

/** One comment for the shards that are left over: what was tried, why it stopped, what to do next. */
export function leftOverComment(
  shards: readonly {
    readonly id: string;
    readonly files: readonly string[];
    readonly reason: string;
    readonly verdicts: readonly Verdict[];
  }[],
): string {
  const parts = shards.map((shard) => {
    const last = shard.verdicts.at(-1);
    const findings = last?.findings.filter((finding) => finding.severity === 'blocking') ?? [];
    return paragraphs(
      `### ⛔ ${code(shard.id)}`,
      line(shard.reason, 600),
      `Files, unchanged in this pull request: ${shard.files.map((file) => code(file)).join(', ')}`,
      findings.length === 0
        ? null
        : details(
            `What stood against its last change (${count(findings.length, 'finding')})`,
            findings.map((finding) => paragraphs(`- ${findingLine(finding)}`, evidence(finding))).join('\n\n'),
          ),
    );
  });
  return fitting(
    paragraphs(
      `## ${count(shards.length, 'shard')} left over`,
      'Nothing of these is in this pull request. `/workflow retry` tries them again, `/workflow retry <shard>` some of them; or migrate them by hand.',
      ...parts,
    ),
  );
}
