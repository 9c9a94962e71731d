import { count } from '../domain/amounts.ts';
import { dollars, type MicroDollars, type Usage } from '../domain/budget.ts';
import type { Base, Estimate, Pilot, Plan, PlanDraft } from '../domain/plan.ts';
import type { Settings } from '../domain/run.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Commands } from '../sandbox/commands.ts';
import { type BaseChecks, outputTail } from './base-checks.ts';
import { estimate } from './estimate.ts';
import { matcherOf } from '../git/globs.ts';
import { planHash } from './hash.ts';
import { choosePilot, importsOf } from './pilot.ts';
import type { SoundDraft } from './validate.ts';

export interface AssemblyFacts {
  readonly settings: Settings;
  readonly base: Base;
  readonly workspace: Workspace;
  readonly commands: Pick<Commands, 'caveats'>;
  readonly baseChecks: BaseChecks;
  readonly priceOf: (model: string, usage: Usage) => MicroDollars;
  readonly from?: Plan['from'];
}

/** The plan that a person approves: the draft with all that code computed, and its hash. */
export async function assemblePlan(draft: PlanDraft, sound: SoundDraft, facts: AssemblyFacts): Promise<Plan> {
  const { settings } = facts;
  const failingAtBase = await failing(sound, facts.baseChecks);
  const estimated = estimate({
    shards: sound.shards,
    inventory: sound.survey.inventory,
    guideBytes: Buffer.byteLength(draft.intent + draft.guide.map((rule) => rule.title + rule.text).join('')),
    limits: settings.limits,
    models: settings.models,
    priceOf: facts.priceOf,
  });
  const pilot = await pilotOf(sound, facts);
  const plan: Omit<Plan, 'hash'> = {
    draft,
    script: sound.script,
    base: facts.base,
    inventory: sound.survey.inventory.map((file) => file.path),
    skipped: sound.survey.skipped,
    shards: sound.shards,
    checks: sound.checks,
    failingAtBase,
    setup: settings.setup,
    protectedPaths: settings.protectedPaths,
    limits: settings.limits,
    models: settings.models,
    estimate: estimated,
    notes: [
      ...(settings.notes ?? []),
      ...sound.notes,
      ...(await linkNotes(draft, facts.workspace)),
      ...proofNotes(sound, failingAtBase),
      ...budgetNotes(estimated, settings),
      ...pilot.notes,
      ...facts.commands.caveats,
    ],
  };
  const whole: Omit<Plan, 'hash'> = {
    ...plan,
    ...(facts.from === undefined ? {} : { from: facts.from }),
    ...(sound.calls.length === 0 ? {} : { calls: sound.calls }),
    ...(pilot.pilot === null ? {} : { pilot: pilot.pilot }),
  };
  return { ...whole, hash: planHash(whole) };
}

async function pilotOf(
  { survey, shards }: SoundDraft,
  { settings, workspace }: AssemblyFacts,
): Promise<{ readonly pilot: Pilot | null; readonly notes: readonly string[] }> {
  if (settings.pilot === undefined) return { pilot: null, notes: [] };
  const bytes = new Map(survey.inventory.map((file) => [file.path, file.bytes]));
  const imports = await importsOf([...bytes.keys()], workspace);
  const pilot = choosePilot({ shards, bytes, imports, count: settings.pilot });
  if (pilot !== null) return { pilot, notes: [] };
  return { pilot, notes: [`--pilot ${settings.pilot} holds nothing back: with what they need, that many shards are all there are.`] };
}

async function failing({ checks }: SoundDraft, baseChecks: BaseChecks): Promise<Plan['failingAtBase']> {
  const results = await Promise.all(checks.map((check) => baseChecks.run(check)));
  return results.filter(({ result }) => !result.ok).map(({ check, result }) => ({ check: check.name, output: outputTail(result) }));
}

async function linkNotes(draft: PlanDraft, workspace: Workspace): Promise<readonly string[]> {
  const all = await workspace.special();
  const inScope = matcherOf(draft.scope.include, { among: all.map(({ path }) => path) });
  const special = all.filter(({ path }) => inScope(path));
  if (special.length === 0) return [];
  return [
    `${count(special.length, 'link or submodule', 'links or submodules')} in scope, left alone: ${special.map(({ path }) => `\`${path}\``).join(', ')}.`,
  ];
}

function proofNotes({ checks }: SoundDraft, failingAtBase: Plan['failingAtBase']): readonly string[] {
  if (checks.length === 0)
    return ['No command proves this migration: it rests on the other gates, the verifiers and the CI of the pull request.'];
  const proving = checks.filter((check) => check.when === 'shard' && failingAtBase.every((other) => other.check !== check.name));
  return proving.length > 0 ? [] : ['No check can hold for a single shard: commands prove the whole only, at the end.'];
}

function budgetNotes({ cost }: Estimate, { limits }: Settings): readonly string[] {
  if (cost.expected > limits.budget) {
    return [
      `The budget of ${dollars(limits.budget)} is less than the expected ${dollars(cost.expected)}: the run will pause when it is used up, with its work.`,
    ];
  }
  if (cost.worst > limits.budget)
    return [`At worst (${dollars(cost.worst)}) the run pauses at its budget of ${dollars(limits.budget)}, with its work.`];
  return [];
}
