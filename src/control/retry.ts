import { reopenedCalls, standingsOf, triedAgain, type ShardStanding } from '../converge/reopen.ts';
import { dollars } from '../domain/budget.ts';
import type { Command } from '../domain/command.ts';
import type { Plan } from '../domain/plan.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Journal } from '../journal/journal.ts';
import { viewOf } from '../publish/view.ts';
import { code } from '../report/markdown.ts';
import { isApproved } from '../report/status-comment.ts';
import { runUnderWay, lastRun, type CurrentRun } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';

/**
 * Tries shards again that are left over: all of them, or those named. A new generation on the same branch and pull request, also of a run that has ended;
 * everything that succeeded stays, and the limit that was approved holds.
 */
export async function retry(desk: Desk, asked: Asked, { shards: named }: Extract<Command, { name: 'retry' }>): Promise<Answer> {
  const found = await lastRun(desk, asked);
  if (found === null) return refuse('There is no run here. `/workflow migrate <task>` starts one.');
  const { run, state, view } = found;
  const id = String(asked.comment);
  // Carried out again after a kill, the same comment tries what it tried.
  const before = state.signals.find((signal) => signal.id === id);
  if (before !== undefined) {
    await desk.restart(run);
    return tried(named, before.text === '' ? [] : before.text.split(' '), found);
  }
  if (view.plan === null || !isApproved(state))
    return refuse(
      `No plan of run \`${run}\` was approved, so there is nothing to try again. ${state.end === null ? '`/workflow status` tells where it stands.' : '`/workflow migrate <task>` starts another run.'}`,
    );
  const standings = standingsOf(view.plan, await desk.journal.events(run));
  const refused = (await whyNot(desk, asked, found)) ?? whyNothing(named, standings, found);
  if (refused !== null) return refuse(refused);
  const shards = triedAgain(
    named.length > 0 ? named.filter((shard) => isRetryable(standings.get(shard))) : leftOver(standings),
    view.plan,
    standings,
  );
  await desk.journal.signal(run, { id, name: 'retry', by: asked.author.login, text: shards.join(' ') });
  await desk.restart(run);
  return tried(named, shards, found);
}

/** Opens the generations that people asked for by `retry`; only who drives the run may, so that nothing else is written meanwhile. */
export async function openGenerations(journal: Journal, run: string): Promise<void> {
  for (;;) {
    const events = await journal.events(run);
    const state = foldRun(events);
    const { plan } = viewOf(state);
    const { retry } = state;
    if (retry === null || plan === null) return;
    const calls = reopenedCalls(retry.shards, standingsOf(plan, events));
    await journal.append(run, [{ type: 'generation.opened', generation: state.generation + 1, ...retry, calls }]);
  }
}

function isRetryable(standing: ShardStanding | undefined): boolean {
  return standing?.kind === 'left-over' || standing?.kind === 'waiting';
}

function leftOver(standings: ReadonlyMap<string, ShardStanding>): readonly string[] {
  return [...standings].filter(([, standing]) => isRetryable(standing)).map(([shard]) => shard);
}

/** What keeps the whole run from going on. */
async function whyNot(desk: Desk, asked: Asked, { run, state, view }: CurrentRun): Promise<string | null> {
  if ([...state.effects.keys()].some((key) => key.startsWith('undo/')))
    return `Run \`${run}\` was undone: its pull request and its branches are gone. \`/workflow migrate <task>\` starts another run.`;
  const other = await runUnderWay(desk, { ...asked, number: state.place.number });
  if (other !== null && other.run !== run)
    return `Run \`${other.run}\` is under way here; an issue or pull request has at most one at a time. Wait for it, or \`/workflow stop\` it first.`;
  if (view.pullRequest === null) return null;
  const { number } = view.pullRequest;
  const { state: now } = await desk.hubOf(asked).pullRequest(number);
  return now === 'open'
    ? null
    : `Pull request #${number} of run \`${run}\` was merged or closed, so nothing more can be delivered to it. Open it again, or \`/workflow migrate <task>\` starts another run on what is left.`;
}

/** Why none of these is tried again; null when one is, or when the run ended short of its aim for another reason. */
function whyNothing(
  named: readonly string[],
  standings: ReadonlyMap<string, ShardStanding>,
  { run, state, view }: CurrentRun,
): string | null {
  const unknown = named.filter((shard) => !standings.has(shard));
  if (unknown.length > 0) return unknownShards(unknown, view.plan);
  if (named.length > 0) {
    if (named.some((shard) => isRetryable(standings.get(shard)))) return null;
    return `Nothing was tried again: ${named.map((shard) => `${code(shard)} ${whyNotAgain(standings.get(shard))}`).join('; ')}.`;
  }
  if (leftOver(standings).length > 0) return null;
  if (state.end === null)
    return `No shard of run \`${run}\` is left over so far; it is under way. \`/workflow status\` tells how far it is.`;
  return state.end.status === 'completed' ? `Run \`${run}\` is completed: no shard is left over, so there is nothing to try again.` : null;
}

function whyNotAgain(standing: ShardStanding | undefined): string {
  if (standing?.kind === 'accepted') return 'is accepted already';
  if (standing?.kind === 'unwanted') return `stays out: ${standing.why}`;
  return 'is under way, and nothing of it has failed';
}

/** Names that the plan has not, with those that it has. */
export function unknownShards(unknown: readonly string[], plan: Plan | null): string {
  const all = plan?.shards.map(({ id }) => code(id)) ?? [];
  const shown = all.length > 40 ? `${all.slice(0, 40).join(', ')} and ${all.length - 40} more` : all.join(', ');
  return `Found ${unknown.map((shard) => code(shard)).join(', ')}, expected ids of the plan's shards: ${shown}.`;
}

function tried(named: readonly string[], shards: readonly string[], { run, state }: CurrentRun): string {
  const rest = named.filter((shard) => !shards.includes(shard));
  const along = named.length === 0 ? [] : shards.filter((shard) => !named.includes(shard));
  const words = [
    shards.length === 0
      ? `No shard of run \`${run}\` is left over: it delivers and proves again what is there.`
      : `Trying again: ${shards.map((shard) => code(shard)).join(', ')}.`,
    along.length === 0
      ? ''
      : `Named were only ${named
          .filter((shard) => shards.includes(shard))
          .map((shard) => code(shard))
          .join(', ')}; the others are needed for that, or were waiting for it.`,
    rest.length === 0 ? '' : `Not tried again, since it is accepted, under way or dropped: ${rest.map((shard) => code(shard)).join(', ')}.`,
    `What succeeded stays and costs nothing; ${dollars(state.spending.total.spent)} of ${dollars(state.standing.limits.budget)} are spent so far.`,
  ];
  return words.filter((word) => word !== '').join(' ');
}
