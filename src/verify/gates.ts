import type { Change } from '../domain/change.ts';
import type { Finding } from '../domain/finding.ts';
import type { Shard } from '../domain/shard.ts';
import type { GateResult } from '../domain/verdict.ts';
import type { Repository } from '../git/workspace.ts';
import type { Gate, GateContext, GateReport } from './gate.ts';
import { noLinksOrSubmodules } from './gates/no-links-or-submodules.ts';
import { noSecrets } from './gates/no-secrets.ts';
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
const THEN: readonly Gate[] = [predicateFalse, noSuppressions, testsKept, noSecrets];

export interface GatesOutcome {
  readonly gates: readonly GateResult[];
  readonly findings: readonly Finding[];
}

/** A change, the shard it belongs to, and the tree that it was made on. */
export interface GateSubject {
  readonly change: Change;
  readonly shard: Shard;
  readonly under: string;
}

export interface GatePorts extends Pick<GateContext, 'plan' | 'checks' | 'predicate' | 'secrets'> {
  readonly repository: Repository;
}

export async function gateContext({ change, shard, under }: GateSubject, ports: GatePorts): Promise<GateContext> {
  const { plan, repository, checks, predicate, secrets } = ports;
  const diff = await repository.diff(under, change.tree);
  const [before, after] = [repository.workspace(under), repository.workspace(change.tree)];
  return { plan, shard, change, diff, before, after, checks, predicate, secrets };
}

/**
 * All gates of a change, in their fixed order. The plan's commands run only when the change is whole: owned, unprotected, parsing.
 * Ends in Suspended when the run stops, in a ConvergeError (`retry: later`) for a transient fault of git or the sandbox.
 */
export async function runGates(context: GateContext): Promise<GatesOutcome> {
  const quick = await reportsOf(context, [...FIRST, ...THEN]);
  const whole = quick.slice(0, FIRST.length).every((report) => report.result.outcome !== 'failed');
  return outcomeOf(whole ? [...quick, ...(await runShardChecks(context))] : quick);
}

/** The gates that run no check of the plan: for an agent that hands in its work and can still mend it. */
export async function runQuickGates(subject: GateSubject, ports: GatePorts): Promise<GatesOutcome> {
  return outcomeOf(await reportsOf(await gateContext(subject, ports), [...FIRST, ...THEN]));
}

async function reportsOf(context: GateContext, gates: readonly Gate[]): Promise<readonly GateReport[]> {
  const reports: GateReport[] = [];
  for (const gate of gates) reports.push(...(await gate(context)));
  return reports;
}

function outcomeOf(reports: readonly GateReport[]): GatesOutcome {
  return { gates: reports.map((report) => report.result), findings: reports.flatMap((report) => report.findings) };
}
