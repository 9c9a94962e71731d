import { parseComment } from '../domain/command.ts';
import type { CommentEvent } from '../github/events.ts';

/** A recorded comment that was not carried out to its end. */
export interface Received {
  readonly id: string;
  readonly event: CommentEvent;
}

/** What may set a run going: a stop that was said after one of these must not overtake it. */
const SETS_GOING: ReadonlySet<string> = new Set(['migrate', 'run', 'approve', 'revise', 'resume', 'retry', 'budget']);

/** Where a comment waits for its turn: with the others of its repository, but for a stop, which nothing that is slow may hold up. */
export function laneOf(event: CommentEvent): string {
  const repository = `${event.owner}/${event.repo}`.toLowerCase();
  return commandOf(event) === 'stop' ? `${repository}${OF_STOPS}` : repository;
}

/** No repository's name has such a sign. */
const OF_STOPS = '#stop';

/** Both lanes of a repository, from either. */
export function lanesBeside(lane: string): readonly string[] {
  const repository = lane.replace(OF_STOPS, '');
  return [repository, `${repository}${OF_STOPS}`];
}

/** What that lane may carry out now, in order of arrival: nothing that has to wait for the other lane, where people count on their order. */
export function readyIn(lane: string, queue: readonly Received[]): readonly Received[] {
  return queue.filter(({ event }, at) => laneOf(event) === lane && !queue.slice(0, at).some((earlier) => holdsUp(earlier.event, event)));
}

function holdsUp(earlier: CommentEvent, later: CommentEvent): boolean {
  const [lane, other] = [laneOf(later), laneOf(earlier)];
  if (lane === other || !lanesBeside(lane).includes(other) || earlier.number !== later.number) return false;
  return commandOf(later) !== 'stop' || SETS_GOING.has(commandOf(earlier) ?? '');
}

function commandOf({ body }: CommentEvent): string | null {
  const parsed = parseComment(body);
  return parsed.kind === 'command' ? parsed.command.name : null;
}
