import { z } from 'zod';
import type { AgentTask, Submission } from '../agents/agent.ts';
import { FENCE_RULE } from '../agents/prompt.ts';
import type { Overlay } from '../domain/change.ts';
import type { ModelChoice } from '../domain/effort.ts';
import { toJson } from '../domain/json.ts';
import type { Shard } from '../domain/shard.ts';
import type { Workspace } from '../git/workspace.ts';
import type { CallOutcome } from '../journal/journal.ts';
import type { Change } from '../domain/change.ts';
import { shardChecks } from '../verify/checks.ts';
import { runQuickGates } from '../verify/gates.ts';
import { guideText } from '../verify/guide.ts';
import { writeRule } from '../verify/ownership.ts';
import { changeOf } from './change-of.ts';
import { treeWith } from './layers.ts';
import type { CallContext } from './primitive.ts';

/** What a migrator or reviser hands in; its edits are what counts. */
const account = z.strictObject({
  summary: z
    .string()
    .min(1)
    .max(2000)
    .describe(
      'One paragraph, the body of the commit message: what changed in these files, and anything about them that a reader of the history should know. For example: "Invoices build their dates with `day()`; the month is no longer counted from 0, so the constants are one higher." No praise, no list of files.',
    ),
});
type Account = z.infer<typeof account>;

const ATTEMPTS = 5;

export interface ShardWork {
  readonly role: 'migrator' | 'reviser';
  /** The role's rules, the first system block. */
  readonly rules: string;
  readonly brief: string;
  readonly key: string;
  readonly label: string;
  readonly phase: string;
  readonly choice: ModelChoice;
  readonly shard: Shard;
  readonly on: readonly Change[];
  /** The change that is being revised; null for a first one. */
  readonly replaces: Change | null;
}

/** Lets an agent write one shard and makes the change of what it leaves. `null` when it ended otherwise, or left nothing new. */
export async function writeShard(work: ShardWork, context: CallContext): Promise<CallOutcome> {
  await context.census.admit(work.key);
  const workspace = context.repository.workspace(work.replaces?.tree ?? (await treeWith(context, work.on)));
  const outcome = await context.agents.submit(taskOf(work, workspace, context), context.signal);
  if (outcome.ending !== 'done')
    return { kind: 'null', cause: `the ${work.role} of ${work.shard.id} ended without a change (${outcome.ending}): ${outcome.cause}` };
  const change = await made(work, { edits: outcome.overlay, summary: outcome.answer.summary }, context);
  if (change.overlay.length === 0) return { kind: 'null', cause: emptied(work) };
  if (change.id === work.replaces?.id)
    return { kind: 'null', cause: `the revision of ${work.shard.id} changed nothing: its findings stand` };
  return { kind: 'value', value: toJson(change) };
}

function emptied({ role, shard }: ShardWork): string {
  return role === 'migrator'
    ? `the migrator of ${shard.id} changed nothing`
    : `the reviser of ${shard.id} put everything back as it was before the migration`;
}

async function made(work: ShardWork, left: { readonly edits: Overlay; readonly summary: string }, context: CallContext): Promise<Change> {
  const { shard, on, replaces } = work;
  const overlay = await wholeOverlay(work, left.edits, context);
  // The summary becomes a commit's message: what is journaled is what will be committed.
  const { text: summary } = await context.secrets.withhold(left.summary);
  return changeOf({ shard: shard.id, on, overlay, summary, replaces }, context);
}

/** A reviser's edits are told from the change that it revises; a change's, from what lies under it. */
async function wholeOverlay(work: ShardWork, edits: Overlay, context: CallContext): Promise<Overlay> {
  if (work.replaces === null) return edits;
  const whole = context.repository.workspace(await treeWith(context, work.on));
  await whole.restore(work.replaces.overlay);
  await whole.restore(edits);
  return whole.overlay();
}

type ShardTask = AgentTask<Account> & { readonly submit: Submission<Account> };

function taskOf(work: ShardWork, workspace: Workspace, context: CallContext): ShardTask {
  const { plan, run, repository } = context;
  const offered = shardChecks(plan);
  return {
    id: work.key,
    run,
    role: work.role,
    label: work.label,
    phase: work.phase,
    ...work.choice,
    system: [`${work.rules.trim()}\n\n${FENCE_RULE}`, guideText(plan)],
    brief: work.brief,
    workspace,
    tools: ['read', 'write', 'edit', 'remove', 'glob', 'grep', ...(offered.length > 0 ? (['check'] as const) : [])],
    mayWrite: writeRule(plan, work.shard),
    checks: offered.map((check) => check.name),
    runCheck: async (name, overlay) => {
      const check = offered.find((one) => one.name === name);
      if (check === undefined) throw new TypeError(`no check ${name} was offered`);
      return context.checks.run(check, await repository.layer(workspace.tree, [overlay]));
    },
    submit: submission(work, workspace, context),
    limits: agentLimits(context),
  };
}

export function agentLimits({ plan }: Pick<CallContext, 'plan'>): {
  readonly turns: number;
  readonly seconds: number;
  readonly budget: number;
} {
  return { turns: plan.limits.turnsPerAgent, seconds: plan.limits.secondsPerAgent, budget: plan.limits.budgetPerAgent };
}

/** The gates that cost nothing are tried at the first submission, while the agent can still mend what they find; a second submission ends it as it is. */
function submission(work: ShardWork, workspace: Workspace, context: CallContext): Submission<Account> {
  return {
    description:
      'Hands in your edits, as they are now. Gates look at them, without the checks: the first time that they object, the result says to what, and you can mend it and submit again; else your work has ended.',
    schema: account,
    attempts: ATTEMPTS,
    examine: async ({ summary }, before) => {
      if (before > 0) return [];
      const change = await made(work, { edits: await workspace.overlay(), summary }, context);
      const { findings } = await runQuickGates({ change, shard: work.shard, under: await treeWith(context, work.on) }, context);
      return findings.map(({ rule, path, line, claim }) => `gate ${rule}: ${path}${line === null ? '' : `:${line}`}: ${claim}`);
    },
  };
}
