import { limitOf, type LimitName, limitText } from '../domain/allowance.ts';
import type { Amendment } from '../domain/amendment.ts';
import type { Limits } from '../domain/budget.ts';
import type { Command } from '../domain/command.ts';
import type { RunState } from '../domain/run-state.ts';
import { amend } from './amend.ts';
import { currentRun, lastRun } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';

/** Raises a limit of the run, never above the operator's; a run that paused at it goes on at once, and nothing is paid again. */
export async function budget(desk: Desk, asked: Asked, { limit, more }: Extract<Command, { name: 'budget' }>): Promise<Answer> {
  const before = (await currentRun(desk, asked)) ?? (await lastRun(desk, asked));
  const made = before?.state.amendments.find(({ id }) => id === String(asked.comment))?.amendment;
  // Carried out again after a kill, the comment has raised what it raises.
  const granted = made === undefined && before !== null ? within({ limit, more }, before.state.standing.limits, desk) : more;
  if (typeof granted === 'string' && before?.state.status !== 'ended') return refuse(granted);
  const amended = await amend(desk, asked, made ?? raise(limit, typeof granted === 'string' ? more : granted));
  if (amended.kind === 'refused') return amended.answer;
  desk.drive(amended.run);
  return answer(amended.state, { limit, more }, String(asked.comment));
}

interface Wish {
  readonly limit: LimitName;
  readonly more: number;
}

/** How much more the operator allows; why none, in words. */
function within({ limit, more }: Wish, limits: Limits, { operator }: Desk): number | string {
  const now = limitOf(limits, limit);
  if (now === undefined) return `This run has no limit of ${limit}, so there is nothing to raise.`;
  const granted = Math.min(more, (limitOf(operator, limit) ?? Infinity) - now);
  return granted > 0
    ? granted
    : `The run's limit is ${limitText(limit, now)} already, the most that the operator of this Converge allows a run. \`/workflow stop\` ends it; a new \`/workflow migrate\` takes on what is left.`;
}

function raise(limit: LimitName, more: number): Amendment {
  return limit === 'dollars' ? { kind: 'budget', add: more } : { kind: 'budget', add: 0, [limit]: more };
}

function answer({ standing, pause, amendments }: RunState, { limit, more }: Wish, comment: string): string {
  const now = limitText(limit, limitOf(standing.limits, limit) ?? 0);
  const made = amendments.find(({ id }) => id === comment)?.amendment;
  const granted = made?.kind !== 'budget' ? more : limit === 'dollars' ? made.add : (made[limit] ?? more);
  const cut =
    granted < more ? ` ${limitText(limit, more)} more was asked: the operator of this Converge allows a run no more than this.` : '';
  if (pause === null) return `The run's limit is now ${now}.${cut}`;
  return pause.reason === 'budget'
    ? `The run's limit is now ${now}, and it goes on. Nothing that was finished is paid for again.${cut}`
    : `The run's limit is now ${now}.${cut} It is paused for another reason: ${pause.message}`;
}
