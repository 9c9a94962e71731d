import { parseComment, type CommandName } from '../domain/command.ts';
import { messageOf } from '../domain/errors.ts';
import type { CommentEvent } from '../github/events.ts';
import { trusted } from '../journal/trusted.ts';
import { authorise, type Authorised } from './authorise.ts';
import type { Desk } from './desk.ts';
import { homesIn } from './current-run.ts';
import { lanesBeside, laneOf, type Placed, type Received } from './lanes.ts';

/** Recorded comments that were not carried out yet, with what this process found out of each: once, since comments can be long and many. */
export interface Queue {
  /** What has to be known of a comment before anybody's permission was asked for; null when it is no command. */
  place(event: CommentEvent): Placed | null;
  /** All of them, in order of arrival. */
  read(): Promise<readonly Received[]>;
  /** The same after it was asked whose authors may command in the lane's repository: what is refused must hold up nobody's order. */
  judged(lane: string): Promise<readonly Received[]>;
}

interface Known {
  readonly command: CommandName | null;
  authorised: Authorised | null;
  /** Null until it matters. */
  home: number | null;
}

interface Recorded {
  readonly id: string;
  readonly event: CommentEvent;
}

export function openQueue(desk: Desk): Queue {
  const known = new Map<string, Known>();
  const knownOf = (id: string, event: CommentEvent): Known => {
    const before = known.get(id);
    if (before !== undefined) return before;
    const now: Known = { command: commandOf(event), authorised: null, home: null };
    known.set(id, now);
    return now;
  };
  const recorded = async (): Promise<readonly Recorded[]> => {
    const before = [...known.keys()];
    const open = (await desk.journal.received()).map(({ id, payload }) => ({ id, event: trusted<CommentEvent>().parse(payload) }));
    const ids = new Set(open.map(({ id }) => id));
    for (const id of before) if (!ids.has(id)) known.delete(id);
    return open;
  };
  const told = ({ id, event }: Recorded): Received => ({ id, ...placed(event, knownOf(id, event)) });
  const findHomes = async (here: readonly Recorded[]): Promise<void> => {
    const places = here.map(told);
    // All runs are read for it: only where one may have to wait for another.
    if (new Set(places.map(laneOf)).size < 2 || new Set(places.map(({ home }) => home)).size < 2) return;
    const away = here.filter(({ id, event }) => event.isPullRequest && knownOf(id, event).home === null);
    const [first] = away;
    if (first === undefined) return;
    const homeOf = await homesIn(desk, first.event);
    for (const { id, event } of away) knownOf(id, event).home = homeOf(event.number);
  };
  return {
    place: (event) =>
      parseComment(event.body).kind === 'none' ? null : placed(event, { command: commandOf(event), authorised: null, home: null }),
    read: async () => (await recorded()).map(told),
    judged: async (lane) => {
      const lanes = lanesBeside(lane);
      const open = await recorded();
      const asked = new Map<string, Promise<Authorised | null>>();
      const judge = async ({ id, event }: Recorded): Promise<void> => {
        const { login } = event.author;
        const answer = asked.get(login) ?? mayCommand(desk, event);
        asked.set(login, answer);
        knownOf(id, event).authorised = await answer;
      };
      await Promise.all(
        open.filter(({ id, event }) => knownOf(id, event).authorised === null && lanes.includes(laneOf(told({ id, event })))).map(judge),
      );
      await findHomes(open.filter((one) => lanes.includes(laneOf(told(one)))));
      return open.map(told);
    },
  };
}

function placed(event: CommentEvent, { command, authorised, home }: Known): Placed {
  return { event, home: home ?? event.number, command, refused: authorised?.kind === 'refused' ? authorised : null };
}

/** Null when nobody can tell now: it keeps its place, and is asked for again when its turn comes. */
async function mayCommand(desk: Desk, event: CommentEvent): Promise<Authorised | null> {
  try {
    return await authorise(desk, event);
  } catch (error) {
    desk.log.warn({ comment: event.comment, error: messageOf(error) }, 'GitHub did not say who may command');
    return null;
  }
}

function commandOf({ body }: CommentEvent): CommandName | null {
  const parsed = parseComment(body);
  return parsed.kind === 'command' ? parsed.command.name : null;
}
