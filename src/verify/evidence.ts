import { weigh } from '../domain/finding.ts';
import type { Evidence, Finding } from '../domain/finding.ts';
import type { FileDiff } from '../git/workspace.ts';
import { endOf, shardChecks, tail } from './checks.ts';
import { pathBefore, textOf } from './gate.ts';
import type { GateContext } from './gate.ts';
import { ownedPaths } from './ownership.ts';
import { findQuote } from './quote.ts';
import type { Span } from './quote.ts';

/** What a verifier claims, before code looked at it. */
export type Claimed = Omit<Finding, 'source'>;

/** `doubt` says, for the verifier and the reader, why the evidence does not hold; null when it does. */
export interface Examined {
  readonly finding: Finding;
  readonly doubt: string | null;
}

/**
 * Looks for a finding's evidence where it says it is. What does not hold makes the finding a note that says so; a line that is off is moved to the quoted text.
 * Evidence by command counts only for a check that must hold for the shard, and only if it fails again here; when it cannot be run, that says nothing of the
 * finding: a ConvergeError of kind `sandbox`.
 */
export async function examineFinding(claimed: Claimed, context: GateContext): Promise<Examined> {
  const finding: Finding = { ...claimed, path: claimed.path.replace(/^\.?\//u, ''), source: 'verifier' };
  const { evidence } = finding;
  if (evidence === null) {
    return { finding: weigh(finding), doubt: finding.severity === 'blocking' ? 'it was called blocking without evidence' : null };
  }
  if (isElsewhere(finding.path, context)) {
    return doubted(
      finding,
      `${finding.path} belongs to another shard and this change does not touch it: name the line of this change that is to blame`,
    );
  }
  return evidence.kind === 'lines' ? examineLines(finding, evidence, context) : examineCommand(finding, evidence, context);
}

/** What the author of a change can neither have done nor mend. */
function isElsewhere(path: string, { diff, plan, shard }: GateContext): boolean {
  const touched = diff.some((file) => file.path === path || file.oldPath === path);
  return !touched && !ownedPaths(shard, plan.draft.renames).includes(path);
}

type Lines = Extract<Evidence, { kind: 'lines' }>;
type Command = Extract<Evidence, { kind: 'command' }>;

async function examineLines(finding: Finding, evidence: Lines, context: GateContext): Promise<Examined> {
  const file = context.diff.find((one) => one.path === finding.path || one.oldPath === finding.path);
  const after = await textOf(context.after, file?.path ?? finding.path);
  const before = await textOf(context.before, oldPathOf(file) ?? finding.path);
  if (after === null && before === null) return doubted(finding, `there is no text file ${finding.path} before or after the change`);
  if (evidence.after.trim() === '' && evidence.before.trim() === '') return doubted(finding, 'its evidence quotes no line');
  const now = findQuote(after ?? '', evidence.after);
  const then = findQuote(before ?? '', evidence.before);
  if (evidence.after.trim() !== '' && now.length === 0)
    return doubted(finding, `the quoted line is not in ${finding.path} after the change`);
  if (evidence.before.trim() !== '' && then.length === 0)
    return doubted(finding, `the quoted line is not in ${finding.path} before the change`);
  const path = file?.path ?? finding.path;
  if (finding.side === 'LEFT' ? then.length > 0 : now.length === 0)
    return { finding: { ...finding, path, side: 'LEFT', line: nearest(then, finding.line) }, doubt: null };
  return { finding: { ...finding, path, side: 'RIGHT', line: nearest(now, finding.line) }, doubt: null };
}

function oldPathOf(file: FileDiff | undefined): string | null {
  return file === undefined ? null : pathBefore(file);
}

/** The claimed line where it lies within the quoted text, else the start of the nearest place. */
function nearest(spans: readonly Span[], line: number | null): number | null {
  if (line !== null && spans.some((span) => span.start <= line && line <= span.end)) return line;
  const starts = spans.map((span) => span.start).toSorted((a, b) => Math.abs(a - (line ?? 0)) - Math.abs(b - (line ?? 0)));
  return starts[0] ?? null;
}

async function examineCommand(finding: Finding, evidence: Command, context: GateContext): Promise<Examined> {
  if (finding.severity === 'note') return { finding, doubt: null };
  const check = shardChecks(context.plan).find((one) => one.name === evidence.name);
  if (check === undefined) {
    const names = shardChecks(context.plan).map((one) => one.name);
    return doubted(
      finding,
      `\`${evidence.name}\` is none of the checks that must hold for a shard (${names.join(', ') || 'there is none'})`,
    );
  }
  const result = await context.checks.runAgain(check, context.change.tree);
  if (result.ok) return doubted(finding, `\`${check.name}\` passes on this change when it is run again`);
  return {
    finding: { ...finding, evidence: { kind: 'command', name: check.name, output: `${endOf(result)}\n${tail(result.output)}` } },
    doubt: null,
  };
}

function doubted(finding: Finding, doubt: string): Examined {
  if (finding.severity === 'note') return { finding, doubt: null };
  return { finding: { ...finding, severity: 'note', evidence: null, claim: `${finding.claim} (A note only: ${doubt}.)` }, doubt };
}
