import { ConvergeError, messageOf } from '../domain/errors.ts';
import { CLOSING, type Delivery, type Dispatch } from '../engine/dispatch.ts';
import { parseCommentEvent, type CommentEvent } from '../github/events.ts';
import { carryOut, giveUp, turnAway } from './carry-out.ts';
import type { Desk } from './desk.ts';
import { laneOf, lanesBeside, readyIn, type Received } from './lanes.ts';
import { openQueue, type Queue } from './queue.ts';

/** Webhooks in, commands out: what is recorded is worked on outside of the webhook, repositories beside each other, each in order. */
export interface Inbox {
  /** On disk when it resolves. */
  record(payload: unknown): Promise<void>;
  /** The same for a comment that no webhook told; true when it may be a command and was not carried out yet. */
  take(event: CommentEvent): Promise<boolean>;
  /** Takes up every recorded comment that was not carried out to its end. */
  wake(): void;
  close(): Promise<void>;
}

/** Run of the deliveries of commands; their keys are lanes, so that what is slow in one repository holds up no other, and no stop. */
const COMMANDS = 'commands';

/** Lanes that one process works on at the same time. */
const SLOTS = 32;

/** `dispatch` gives each lane to one process at a time; `retryMs`: before a command that met something which may pass is tried again. */
export async function openInbox(
  desk: Desk,
  { dispatch, retryMs }: { readonly dispatch: Dispatch; readonly retryMs: number },
): Promise<Inbox> {
  const queue = openQueue(desk);
  const unpushed = (error: unknown): void =>
    desk.log.error({ error: messageOf(error) }, 'recorded commands could not be pushed; they are taken up with the next');
  const wakeAll = async (): Promise<void> => {
    const lanes = new Set((await queue.read()).map(laneOf));
    await dispatch.push(COMMANDS, [...lanes]);
  };
  const take = async (event: CommentEvent): Promise<boolean> => {
    // Only what may be a command is kept: a busy repository has many comments.
    const placed = queue.place(event);
    if (placed === null) return false;
    const open = await desk.journal.receive(`comment/${event.comment}`, { ...event });
    if (open) dispatch.push(COMMANDS, [laneOf(placed)]).catch(unpushed);
    return open;
  };
  await dispatch.work(SLOTS, (delivery) => workOn(desk, { queue, dispatch, delivery, retryMs }));
  return {
    record: async (payload) => {
      const event = parseCommentEvent(payload);
      if (event.kind === 'comment') await take(event);
    },
    take,
    wake: () => void wakeAll().catch(unpushed),
    close: () => dispatch.close(),
  };
}

interface Working {
  readonly queue: Queue;
  readonly dispatch: Dispatch;
  readonly delivery: Delivery;
  readonly retryMs: number;
}

async function workOn(desk: Desk, { queue, dispatch, delivery, retryMs }: Working): Promise<void> {
  const { key, signal } = delivery;
  const judged = await queue.judged(key);
  // Whoever is refused is answered beside all that is carried out, however long that takes.
  const refused = new Set(judged.filter((one) => one.refused !== null).map(laneOf));
  await dispatch.push(
    COMMANDS,
    lanesBeside(key).filter((lane) => lane !== key && refused.has(lane)),
  );
  const ready = readyIn(key, judged);
  const left = await workThrough(desk, ready, () => signal.aborted);
  if (signal.aborted) {
    if (signal.reason === CLOSING) await dispatch.redeliver(delivery, new Date());
    return;
  }
  if (left) await dispatch.redeliver(delivery, new Date(Date.now() + retryMs));
  else await delivery.complete();
  // What came while these were worked on was passed over when it was pushed; what waited for them may go now.
  const before = new Set(lanesBeside(key).flatMap((lane) => readyIn(lane, judged).map(({ id }) => id)));
  const now = await queue.read();
  const news = lanesBeside(key).filter((lane) => readyIn(lane, now).some(({ id }) => !before.has(id)));
  if (news.length > 0) await dispatch.push(COMMANDS, news);
}

/** True when something is left for later, which then is all that follows it: people count on their order. */
async function workThrough(desk: Desk, queue: readonly Received[], closing: () => boolean): Promise<boolean> {
  for (const { id, event, refused } of queue) {
    if (closing()) return true;
    try {
      await (refused === null ? carryOut(desk, event) : turnAway(desk, event, refused));
      await desk.journal.processed(id);
    } catch (error) {
      const forGood = error instanceof ConvergeError && error.retry === 'never' && error.kind === 'github';
      desk.log.error(
        { comment: id, error: messageOf(error) },
        forGood ? 'a command can never be carried out, and is given up' : 'a command could not be carried out yet',
      );
      if (!forGood) return true;
      await giveUp(desk, event, error.message);
      await desk.journal.processed(id);
    }
  }
  return false;
}
