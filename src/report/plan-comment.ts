import { limitOf, limitText } from '../domain/allowance.ts';
import { dollars, type Limits } from '../domain/budget.ts';
import type { Check, Pilot, Plan, Predicate, Range } from '../domain/plan.ts';
import { count, duration, hours, whole } from '../domain/amounts.ts';
import { block, clip, code, details, line, paragraphs, plainLine, prose, table } from './markdown.ts';
import { parts } from './parts.ts';
import { shardList, skippedList, TASK_SHOWN } from './plan-lists.ts';

export interface PlanShown {
  readonly plan: Plan;
  /** 1 for the first plan of the run. */
  readonly round: number;
  /** Why it was planned again; null for the first plan. */
  readonly why: string | null;
  readonly planOnly: string | null;
}

const SHOWN_COMMAND = 100;

/** What people type to approve: enough of the hash to be unmistakable. */
export function shortHash(plan: Plan): string {
  return plan.hash.slice(0, 12);
}

/**
 * The plan as one comment that a person reads in two minutes, detail folded away; what is longer than a comment comes in parts.
 */
export function planComments(shown: PlanShown): readonly string[] {
  const { plan } = shown;
  return parts(
    paragraphs(
      `## ${shown.round === 1 ? 'Plan' : `Plan, revised (${shown.round})`}: ${line(plan.draft.title, 120)}`,
      shown.why === null ? null : `**Planned again:** ${line(shown.why, 600)}`,
      plan.from === undefined ? null : savedScript(plan.from),
      prose(plan.draft.intent),
      nextStep(shown),
      summary(plan),
      warnings(shown),
      bullets(
        '**Risks**',
        plan.draft.risks.map((risk) => line(risk, 500)),
      ),
      bullets(
        '**Excluded from the inventory**',
        plan.draft.scope.exclude.map((exclusion) => `${code(exclusion.glob)}: ${line(exclusion.why)}`),
      ),
      plan.checks.some((check) => check.run.length > SHOWN_COMMAND) ? details('Checks, word for word', checks(plan)) : null,
      details(`Guide: ${count(plan.draft.guide.length, 'rule')}, the same words for migrators and verifiers`, guide(plan)),
      details(`${count(plan.shards.length, 'shard')} in order`, shardList(plan)),
      longTasks(plan),
      plan.skipped.length === 0 ? null : details(`${count(plan.skipped.length, 'file')} skipped, with reasons`, skippedList(plan)),
      details('Orchestration script', block(plan.script, 'js')),
      ...(plan.calls ?? []).map(({ name, source, commit }) =>
        details(`Saved script ${plainLine(name, 100)}${at(commit, String)}, which it calls`, block(source, 'js')),
      ),
      details('Models, limits and the exact numbers', numbers(plan)),
    ),
  );
}

function savedScript({ saved, commit, args, drafted }: NonNullable<Plan['from']>): string {
  const given = args === null ? '' : ` with ${code(clip(typeof args === 'string' ? args : JSON.stringify(args), 300))}`;
  return `**The saved script ${code(saved)}**${at(commit, code)}${given}: ${drafted ? 'a planner drafted the rest for it.' : 'its draft was computed anew on this base, without a planner.'}`;
}

/** Where its text stands, so that whoever approves can look at what is around it there. */
function at(commit: string | undefined, shown: (text: string) => string): string {
  return commit === undefined ? '' : ` at ${shown(commit.slice(0, 12))}`;
}

/** The tasks that the list of shards cuts: what is approved can be read. */
function longTasks(plan: Plan): string | null {
  const long = plan.shards.filter(({ task }) => task.length > TASK_SHOWN);
  if (long.length === 0) return null;
  return details(
    'Tasks of foundation and closing shards, word for word',
    paragraphs(...long.map(({ id, task }) => `**${code(id)}**\n\n${prose(task)}`)),
  );
}

function nextStep({ plan, planOnly }: PlanShown): string {
  if (planOnly !== null) return `> **Only planned.** ${line(planOnly)}`;
  return [
    `> **Nothing is changed until a person who may approve it does:**`,
    `> \`/workflow approve ${shortHash(plan)}\` to start it · \`/workflow revise <what should be different>\` to plan again · \`/workflow stop\` to end it`,
  ].join('\n');
}

function summary(plan: Plan): string {
  const { estimate } = plan;
  return table(
    ['Files to migrate', `${count(plan.inventory.length, 'file')} where ${predicate(plan.draft.predicate)}`],
    [
      [
        '**Shards**',
        `${plan.shards.length}, by ${plan.draft.sharding.by}; each reviewed by ${count(plan.limits.reviewers, 'verifier')}, at most ${count(plan.limits.rounds, 'round')}`,
      ],
      [
        '**Checks**',
        plan.checks.map((check) => `**${line(check.name, 60)}** ${when(check)}: ${code(clip(check.run, SHOWN_COMMAND))}`).join('<br>') ||
          'none: nothing is run, only read',
      ],
      ['**Base**', `${code(plan.base.branch)} at ${code(plan.base.commit.slice(0, 12))}`],
      [
        '**Expected cost**',
        `**${dollars(estimate.cost.expected)}** (${dollars(estimate.cost.low)} to ${dollars(estimate.cost.worst)}), never above ${dollars(plan.limits.budget)}`,
      ],
      ...(estimate.hours === undefined ? [] : [['**Expected time**', `${hours(estimate.hours)} of work`]]),
      ...(plan.pilot === undefined ? [] : [['**Pilot**', pilot(plan, plan.pilot)]]),
      ['**Agents**', `${range(estimate.agents)}; at most ${plan.limits.concurrency} at once`],
      [
        '**On GitHub**',
        `at most ${count(estimate.pushes, 'push', 'pushes')} and ${count(estimate.contents, 'comment, review and other post', 'comments, reviews and other posts')}`,
      ],
    ],
  );
}

function pilot(plan: Plan, { shards, needs }: Pilot): string {
  const others = plan.shards.filter(({ kind }) => kind === 'inventory').length - shards.length - needs.length;
  return [
    `${count(shards.length, 'shard')} first: ${shards.map(({ shard, why }) => `${code(shard)} (${line(why)})`).join(', ')}`,
    ...(needs.length === 0 ? [] : [`what they need: ${needs.map((id) => code(id)).join(', ')}`]),
    `the rest (${count(others, 'shard')}) costs nothing until somebody has seen what these came to and approved it`,
  ].join('; ');
}

function when(check: Check): string {
  return check.when === 'shard' ? 'after each shard' : 'on the whole';
}

function checks(plan: Plan): string {
  return plan.checks.map((check) => `**${line(check.name, 60)}**, ${when(check)}\n\n${block(check.run, 'sh')}`).join('\n\n');
}

function range({ low, expected, worst }: Range): string {
  return low === worst ? whole(expected) : `${whole(expected)} (${whole(low)} to ${whole(worst)})`;
}

function predicate(asked: Predicate): string {
  switch (asked.kind) {
    case 'regex':
      return `${code(`/${asked.pattern}/${asked.flags}`)} matches`;
    case 'ast-grep':
      return `an ast-grep rule (${line(asked.language, 20)}) matches`;
    case 'command':
      return `${code(asked.run)} ends with 0`;
  }
}

function warnings({ plan }: PlanShown): string | null {
  const found = [
    ...plan.failingAtBase.map((failure) => failing(plan, failure.check)),
    ...plan.draft.touchesProtected.map((path) => `This plan touches the protected path ${code(path)}.`),
    ...plan.notes.map((note) => line(note, 500)),
  ];
  return bullets('**Mind**', found);
}

function failing(plan: Plan, name: string): string {
  const onWhole = plan.checks.find((check) => check.name === name)?.when === 'converged';
  return onWhole
    ? `The check ${code(name)} fails on the base, before any change; it is expected to pass on the whole at the end.`
    : `The check ${code(name)} already fails on the base, before any change: it will not be held against a shard.`;
}

function bullets(title: string, items: readonly string[]): string | null {
  return items.length === 0 ? null : [title, ...items.map((item) => `- ${item}`)].join('\n');
}

function guide(plan: Plan): string {
  return plan.draft.guide.map((rule) => `**${line(rule.id, 10)} · ${line(rule.title, 120)}**\n\n${prose(rule.text)}`).join('\n\n');
}

/** Limits of the whole run that somebody set. */
function limitRows(limits: Limits): readonly (readonly string[])[] {
  return (['tokens', 'turns', 'hours'] as const).flatMap((name) => {
    const limit = limitOf(limits, name);
    return limit === undefined ? [] : [[`${name.slice(0, 1).toUpperCase()}${name.slice(1)}`, limitText(name, limit)]];
  });
}

function numbers(plan: Plan): string {
  const roles = Object.entries(plan.models).map(([role, choice]) => [role, code(choice.model), choice.effort]);
  return paragraphs(
    table(['Role', 'Model', 'Effort'], roles),
    table(
      ['Limit', ''],
      [
        ['Dollars', dollars(plan.limits.budget)],
        ...limitRows(plan.limits),
        ['Agents', whole(plan.limits.agents)],
        ['At once', String(plan.limits.concurrency)],
        [
          'Each agent',
          `${count(plan.limits.turnsPerAgent, 'turn')}, ${duration(plan.limits.secondsPerAgent)}, ${dollars(plan.limits.budgetPerAgent)}`,
        ],
        ['Input tokens, estimated', range(plan.estimate.inputTokens)],
        ['Output tokens, estimated', range(plan.estimate.outputTokens)],
      ],
    ),
    `Approval names the hash of plan, script, scope, limits, base, models and configuration: ${code(plan.hash)}`,
  );
}
