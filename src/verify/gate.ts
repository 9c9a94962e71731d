import type { Change } from '../domain/change.ts';
import type { Evidence, Finding } from '../domain/finding.ts';
import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { GateResult } from '../domain/verdict.ts';
import type { FileDiff, Workspace } from '../git/workspace.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import type { Checks } from './checks.ts';

/** Is there still something to migrate in this file? The plan owns the rule; it ends in a ConvergeError when it cannot be asked. */
export interface FilePredicate {
  holds(path: string, bytes: Uint8Array, tree: string): Promise<boolean>;
}

/** What a gate may look at: the change, the trees on both sides of it, and the plan that a person approved. */
export interface GateContext {
  readonly plan: Plan;
  readonly shard: Shard;
  readonly change: Change;
  /** From the tree under the change (base with `on`) to the change's tree. */
  readonly diff: readonly FileDiff[];
  readonly before: Workspace;
  readonly after: Workspace;
  readonly checks: Checks;
  readonly predicate: FilePredicate;
  readonly secrets: Pick<SecretGuard, 'find'>;
}

export interface GateReport {
  readonly result: GateResult;
  readonly findings: readonly Finding[];
}

/** A deterministic test of a change. It gives a report for itself, or one for each thing it asked (a check each). */
export type Gate = (context: GateContext) => Promise<readonly GateReport[]>;

export function passed(gate: string, detail: string): readonly GateReport[] {
  return [{ result: resultOf(gate, 'passed', detail), findings: [] }];
}

export function skipped(gate: string, detail: string): readonly GateReport[] {
  return [{ result: resultOf(gate, 'skipped', detail), findings: [] }];
}

export function unknown(gate: string, detail: string): readonly GateReport[] {
  return [{ result: resultOf(gate, 'unknown', detail), findings: [] }];
}

/** Details may hold a command's words; one line of them is enough, the rest is evidence. */
const DETAIL = 400;

function resultOf(gate: string, outcome: GateResult['outcome'], detail: string): GateResult {
  const line = detail.trim().replaceAll(/\s+/gu, ' ');
  return { gate, outcome, detail: line.length <= DETAIL ? line : `${line.slice(0, DETAIL)}…` };
}

/** What a gate says of one place, before it is made a finding. */
export interface Objection {
  readonly path: string;
  readonly line: number | null;
  readonly side: Finding['side'];
  readonly claim: string;
  readonly evidence: Evidence;
}

export function failed(gate: string, detail: string, objections: readonly Objection[]): readonly GateReport[] {
  const findings = objections.map((objection): Finding => ({ rule: gate, severity: 'blocking', source: 'gate', ...objection }));
  return [{ result: resultOf(gate, 'failed', detail), findings }];
}

/** The path before the change; null for a file that is new. */
export function pathBefore(file: FileDiff): string | null {
  return file.status === 'added' ? null : (file.oldPath ?? file.path);
}

/** A file's text, null when there is no such regular file or it is not UTF-8 text. */
export async function textOf(workspace: Workspace, path: string): Promise<string | null> {
  const read = await workspace.read(path);
  if (read.kind !== 'file') return null;
  const text = read.bytes.toString('utf8');
  return text.includes('\0') || !Buffer.from(text, 'utf8').equals(read.bytes) ? null : text;
}

/** The first changed line of a file, as a place to point at and the evidence for it. */
export function firstChange(file: FileDiff): Pick<Objection, 'line' | 'side' | 'evidence'> {
  const lines = file.hunks.flatMap((hunk) => hunk.lines);
  const added = lines.find((line) => line.kind === 'added' && line.text.trim() !== '');
  const removed = lines.find((line) => line.kind === 'removed' && line.text.trim() !== '');
  if (added === undefined && removed === undefined) {
    const what = file.binary ? 'binary file' : 'file';
    const from = file.oldPath === null ? '' : ` from ${file.oldPath}`;
    return {
      line: null,
      side: 'RIGHT',
      evidence: { kind: 'command', name: 'git diff', output: `${what} ${file.status}${from}: ${file.path}` },
    };
  }
  return {
    line: added?.new ?? removed?.old ?? null,
    side: added === undefined ? 'LEFT' : 'RIGHT',
    evidence: { kind: 'lines', before: removed?.text ?? '', after: added?.text ?? '' },
  };
}
