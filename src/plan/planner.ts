import type { Agents } from '../agents/agent.ts';
import { FENCE_RULE, loadPrompt, renderPrompt } from '../agents/prompt.ts';
import { MICRO, type MicroDollars, NO_USAGE, type Usage } from '../domain/budget.ts';
import { ROLES } from '../domain/effort.ts';
import { ConvergeError } from '../domain/errors.ts';
import { canonical, type Json, toJson } from '../domain/json.ts';
import type { Base, Plan, PlanDraft } from '../domain/plan.ts';
import type { Settings } from '../domain/run.ts';
import type { Repository } from '../git/workspace.ts';
import type { Commands } from '../sandbox/commands.ts';
import { assemblePlan } from './assemble.ts';
import { openBaseChecks } from './base-checks.ts';
import { planBrief, type Revision } from './brief.ts';
import type { Survey } from './inventory.ts';
import { PLAN_DRAFT } from './plan-schema.ts';
import { examineDraft, type PlanFacts } from './validate.ts';

export interface PlanMigration {
  readonly run: string;
  /** What people asked for; untrusted text. */
  readonly task: string;
  readonly settings: Settings;
  readonly base: Base;
  readonly repository: Pick<Repository, 'workspace'>;
  readonly agents: Agents;
  readonly commands: Commands;
  /** Throws a ConvergeError of kind `script` for a script that does not parse. */
  readonly parseScript: (source: string) => unknown;
  readonly pinCalls: PlanFacts['pinCalls'];
  /** The description of the script's dialect, for the prompt. */
  readonly dialect: string;
  readonly defaultScript: string;
  readonly grants: { readonly workflows: boolean };
  /** Throws a ConvergeError of kind `configuration` for a model without a price. */
  readonly priceOf: (model: string, usage: Usage) => MicroDollars;
  readonly revision?: Revision & { readonly by: 'person' | 'base' };
  readonly given?: GivenScript;
  readonly signal: AbortSignal;
}

/** A saved script that the run was asked to carry out. */
export interface GivenScript {
  readonly name: string;
  readonly commit?: string;
  readonly args: Json;
  /** Takes the place of the draft's. */
  readonly script: string;
  /** Null: a planner drafts, for this script. */
  readonly draft: PlanDraft | null;
}

export type PlanOutcome =
  | { readonly kind: 'planned'; readonly plan: Plan }
  /** `errors`: what was wrong with the last plan that was submitted, in words. */
  | { readonly kind: 'refused'; readonly reason: string; readonly errors: readonly string[] };

/** The first submission and two repair turns. */
const ATTEMPTS = 3;
/** Planning has a small cap of its own, and counts. */
const PLANNING_BUDGET: MicroDollars = 5 * MICRO;

const RULES = loadPrompt(import.meta.url, './planner.md');

/**
 * One planner agent surveys the base commit and submits a draft; code examines it, and makes the plan of it. Asking again gives the same plan: the agent goes on from
 * its stored turns, and all else is computed. Throws `Suspended`, and ConvergeErrors that may pass (retry `later`).
 */
export async function planMigration(request: PlanMigration): Promise<PlanOutcome> {
  try {
    return await plan(request);
  } catch (error) {
    if (error instanceof ConvergeError && error.retry === 'never') return { kind: 'refused', reason: error.message, errors: [] };
    throw error;
  }
}

async function plan(request: PlanMigration): Promise<PlanOutcome> {
  const { settings, base, commands, signal } = request;
  // A model without a price is refused before anything is spent.
  for (const role of ROLES) request.priceOf(settings.models[role].model, NO_USAGE);
  const workspace = request.repository.workspace(base.tree);
  const baseChecks = openBaseChecks({ tree: base.tree, commands, signal });
  const baseResults = await Promise.all(settings.checks.map((check) => baseChecks.run(check)));
  const facts: PlanFacts = { ...request, workspace, baseChecks };
  const brief = planBrief({ ...request, files: await workspace.list(), baseResults, revision: request.revision });
  const saved = savedDraft(request);
  const submitted = saved === null ? await askPlanner(request, { facts, brief }) : { kind: 'submitted' as const, draft: saved };
  if (submitted.kind === 'refused') return submitted;
  const examined = await examineDraft(submitted.draft, facts);
  if (examined.kind === 'unsound') return { kind: 'refused', reason: unsoundReason(request, saved !== null), errors: examined.errors };
  const from = request.given === undefined ? {} : { from: fromOf(request.given) };
  return { kind: 'planned', plan: await assemblePlan(submitted.draft, examined, { ...request, ...from, workspace, baseChecks }) };
}

/** The draft that was saved with the script, for which nobody is paid; null where a planner is needed: there is none, or a person wants another plan. */
function savedDraft({ given, revision }: PlanMigration): PlanDraft | null {
  if (given === undefined || given.draft === null) return null;
  if (revision === undefined) return given.draft;
  const stands = canonical(toJson(revision.previous.draft)) === canonical(toJson(given.draft));
  return revision.by === 'base' && stands ? given.draft : null;
}

function unsoundReason({ given, base }: PlanMigration, saved: boolean): string {
  if (!saved || given === undefined) return 'The plan that was submitted can no longer be carried out.';
  return `The draft saved with \`${given.name}\` cannot be carried out on ${base.branch} at ${base.commit.slice(0, 12)}; mend the saved file, or delete the comment with its draft, and a planner drafts anew.`;
}

/** Whatever a planner writes, a saved script that was asked for is the plan's. */
function withScript(draft: PlanDraft, { given }: PlanMigration): PlanDraft {
  return given === undefined ? draft : { ...draft, script: given.script };
}

async function askPlanner(
  request: PlanMigration,
  { facts, brief }: { readonly facts: PlanFacts; readonly brief: string },
): Promise<{ readonly kind: 'submitted'; readonly draft: PlanDraft } | Extract<PlanOutcome, { kind: 'refused' }>> {
  const { settings } = request;
  let last: { readonly intent: string; readonly errors: readonly string[] } = { intent: '', errors: [] };
  const examine = async (draft: PlanDraft): Promise<readonly string[]> => {
    const examined = await examineDraft(withScript(draft, request), facts);
    const errors = examined.kind === 'unsound' ? examined.errors : [];
    last = { intent: draft.intent, errors };
    return examined.kind === 'unsound' && examined.survey !== null ? [...errors, inventoryText(examined.survey)] : errors;
  };
  const outcome = await request.agents.submit<PlanDraft>(
    {
      id: `plan#${request.revision?.round ?? 1}`,
      run: request.run,
      role: 'planner',
      label: 'plan',
      phase: 'Plan',
      ...settings.models.planner,
      system: [renderPrompt(RULES, { 'fence-rule': FENCE_RULE }), scriptText(request)],
      brief,
      workspace: facts.workspace,
      tools: ['read', 'glob', 'grep'],
      mayWrite: () => ({ ok: false, reason: 'A planner writes no files.' }),
      checks: [],
      runCheck: () => Promise.reject(new ConvergeError('agent', 'A planner runs no checks.')),
      submit: {
        description: 'Submits the whole plan. Everything in it is examined by code before a person sees it.',
        schema: PLAN_DRAFT,
        examine,
        attempts: ATTEMPTS,
      },
      limits: {
        turns: settings.limits.turnsPerAgent,
        seconds: settings.limits.secondsPerAgent,
        budget: Math.min(PLANNING_BUDGET, settings.limits.budget),
      },
    },
    request.signal,
  );
  if (outcome.ending === 'done') return { kind: 'submitted', draft: withScript(outcome.answer, request) };
  // The cause of a plan that was not taken quotes its errors.
  const errors = last.errors.filter((error) => !outcome.cause.includes(error));
  // Before the errors, which can be long: where a task cannot be planned, it says why.
  const account = last.intent === '' ? '' : `The last one says of itself: ${clip(last.intent, ACCOUNT)}\n\n`;
  return { kind: 'refused', reason: `No plan that can be carried out was made. ${account}${outcome.cause}`, errors };
}

/** What a planner, who cannot try its predicate, is told of it with the errors. */
function inventoryText({ inventory, skipped, outside, inScope }: Survey): string {
  const paths = inventory.map((file) => file.path);
  const parts = [
    `For your information: of ${inScope} files in scope, the inventory has ${paths.length}: ${listed(paths)}`,
    ...(skipped.length > 0 ? [`skipped: ${listed(skipped.map((file) => file.path))}`] : []),
    ...(outside.length > 0 ? [`the predicate also holds outside of the scope for: ${listed(outside)}`] : []),
  ];
  return `${parts.join('; ')}.`;
}

const ACCOUNT = 500;
const SHOWN = 50;

function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

function listed(paths: readonly string[]): string {
  return paths.length <= SHOWN ? paths.join(', ') : `${paths.slice(0, SHOWN).join(', ')} and ${paths.length - SHOWN} more`;
}

function scriptText({ dialect, defaultScript }: PlanMigration): string {
  return `${dialect.trim()}\n\n## The default script\n\n\`\`\`js\n${defaultScript.trim()}\n\`\`\`\n`;
}

function fromOf({ name, commit, args, draft }: GivenScript): NonNullable<Plan['from']> {
  return { saved: name, ...(commit === undefined ? {} : { commit }), args, drafted: draft === null };
}
