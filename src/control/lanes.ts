import type { CommandName } from '../domain/command.ts';
import type { CommentEvent } from '../github/events.ts';
import type { Refused } from './authorise.ts';

/** A recorded comment that was not carried out to its end. */
export interface Received extends Placed {
  readonly id: string;
}

/** What decides where a comment waits. */
export interface Placed {
  readonly event: CommentEvent;
  /** Number of the issue whose run it can mean, wherever it was written: a run is commanded from its issue and from its pull request. */
  readonly home: number;
  /** Null: a command that is malformed. */
  readonly command: CommandName | null;
  /** Why its author may not command; null when they may, or when nobody could tell yet. */
  readonly refused: Refused | null;
}

/** What may set a run going: a stop that was said after one of these must not overtake it. */
const SETS_GOING: ReadonlySet<CommandName | null> = new Set<CommandName>([
  'migrate',
  'run',
  'approve',
  'revise',
  'resume',
  'retry',
  'budget',
]);

/**
 * Where a comment waits for its turn: with the others of its repository, but for a stop, which nothing that is slow may hold up, and for the comments of
 * who may not command: their answers wait for GitHub among themselves.
 */
export function laneOf({ event, command, refused }: Placed): string {
  const repository = `${event.owner}/${event.repo}`.toLowerCase();
  if (refused !== null) return `${repository}${OF_REFUSED}`;
  return command === 'stop' ? `${repository}${OF_STOPS}` : repository;
}

/** No repository's name has such a sign. */
const SIGN = '#';
const OF_STOPS = `${SIGN}stop`;
const OF_REFUSED = `${SIGN}refused`;

/** All lanes of a repository, from any. */
export function lanesBeside(lane: string): readonly string[] {
  const [repository = ''] = lane.split(SIGN);
  return [repository, `${repository}${OF_STOPS}`, `${repository}${OF_REFUSED}`];
}

/** What that lane may carry out now, in order of arrival: nothing that has to wait for another lane, where people count on their order. */
export function readyIn(lane: string, queue: readonly Received[]): readonly Received[] {
  return queue.filter((one, at) => laneOf(one) === lane && !queue.slice(0, at).some((earlier) => holdsUp(earlier, one)));
}

function holdsUp(earlier: Placed, later: Placed): boolean {
  const [lane, other] = [laneOf(later), laneOf(earlier)];
  if (lane === other || !lanesBeside(lane).includes(other) || earlier.home !== later.home) return false;
  if (earlier.refused !== null || later.refused !== null) return false;
  return later.command !== 'stop' || SETS_GOING.has(earlier.command);
}
