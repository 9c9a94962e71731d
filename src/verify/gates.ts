import type { Finding } from '../domain/finding.ts';
import type { GateResult } from '../domain/verdict.ts';
import type { Gate, GateContext, GateReport } from './gate.ts';
import { noLinksOrSubmodules } from './gates/no-links-or-submodules.ts';
import { noSuppressions } from './gates/no-suppressions.ts';
import { notEmpty } from './gates/not-empty.ts';
import { parses } from './gates/parses.ts';
import { pathsOwned } from './gates/paths-owned.ts';
import { predicateFalse } from './gates/predicate-false.ts';
import { protectedPaths } from './gates/protected-paths.ts';
import { runShardChecks } from './gates/shard-checks.ts';
import { testsKept } from './gates/tests-kept.ts';

/** What makes running a command pointless: its result would say nothing about the work that was asked. */
const FIRST: readonly Gate[] = [notEmpty, pathsOwned, protectedPaths, noLinksOrSubmodules, parses];
const THEN: readonly Gate[] = [predicateFalse, noSuppressions, testsKept];

export interface GatesOutcome {
  readonly gates: readonly GateResult[];
  readonly findings: readonly Finding[];
}

/**
 * All gates of a change, in their fixed order. The plan's commands run only when the change is whole: owned, unprotected, parsing.
 * Ends in Suspended when the run stops, in a ConvergeError (`retry: later`) for a transient fault of git or the sandbox.
 */
export async function runGates(context: GateContext): Promise<GatesOutcome> {
  const reports: GateReport[] = [];
  for (const gate of [...FIRST, ...THEN]) reports.push(...(await gate(context)));
  const whole = reports.slice(0, FIRST.length).every((report) => report.result.outcome !== 'failed');
  if (whole) reports.push(...(await runShardChecks(context)));
  return { gates: reports.map((report) => report.result), findings: reports.flatMap((report) => report.findings) };
}
