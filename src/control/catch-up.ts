import { messageOf } from '../domain/errors.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Deliveries, FailedDelivery } from '../github/deliveries.ts';
import { parseCommentEvent, type CommentEvent } from '../github/events.ts';
import { viewOf } from '../publish/view.ts';
import { runUnderWay } from './current-run.ts';
import type { Desk } from './desk.ts';
import type { Inbox } from './inbox.ts';

export interface CatchUpParts {
  readonly desk: Pick<Desk, 'journal' | 'hubOf' | 'log'>;
  readonly deliveries: Deliveries;
  readonly inbox: Pick<Inbox, 'take'>;
}

/** Finds commands whose webhook never came: at once, and again and again. */
export interface CatchUp {
  /** Looks no more; the look under way is awaited. */
  close(): Promise<void>;
}

/** Where it is kept which failed deliveries were looked at. */
const SCOPE = 'hook';

/** What clocks may differ by. */
const MARGIN_MS = 600_000;

/** `everyMs`: from the end of one look to the next. */
export function openCatchUp(parts: CatchUpParts, everyMs: number): CatchUp {
  const look = looks(parts);
  let closing = false;
  let timer: NodeJS.Timeout | undefined;
  const round = async (): Promise<void> => {
    try {
      await look(() => closing);
    } catch (error) {
      parts.desk.log.error({ error: messageOf(error) }, 'commands without a webhook could not be looked for');
    }
    if (!closing) timer = setTimeout(() => (work = round()), everyMs);
  };
  let work = round();
  return {
    close: async () => {
      closing = true;
      clearTimeout(timer);
      await work;
    },
  };
}

/** One look at everything, which remembers what it saw for the next. What GitHub does not answer is told in the log, and left for the next one. */
export function looks(parts: CatchUpParts): (closing: () => boolean) => Promise<void> {
  const { journal, log } = parts.desk;
  const seen = new Map<string, string>();
  return async (closing) => {
    const attempt = async (what: string, act: () => Promise<void>): Promise<void> => {
      if (closing()) return;
      try {
        await act();
      } catch (error) {
        if (!closing()) log.warn({ error: messageOf(error) }, `${what} could not be looked at; it is tried again`);
      }
    };
    await attempt('failed deliveries of the webhook', () => takeFailed(parts, closing));
    for (const run of await journal.unfinished()) await attempt(`the comments around run ${run}`, () => takeSaid(parts, run, seen));
  };
}

/** Each failed delivery is looked at once. */
async function takeFailed(parts: CatchUpParts, closing: () => boolean): Promise<void> {
  const { desk, deliveries } = parts;
  for (const delivery of await deliveries.failed()) {
    if (closing()) return;
    const step = `delivery/${delivery.guid}`;
    if ((await desk.journal.doneStep(SCOPE, step)) !== undefined) continue;
    const result = await takeDelivery(parts, delivery);
    await desk.journal.append(SCOPE, [{ type: 'step.done', step, result }]);
  }
}

/**
 * Takes what the failed delivery said from GitHub's record of it, without a redelivery: that would need the way to this process to be open now, and would end
 * unseen. What its author changed or took back meanwhile is passed over, and what is older than the run that is under way there.
 */
async function takeDelivery({ desk, deliveries, inbox }: CatchUpParts, delivery: FailedDelivery): Promise<string> {
  const payload = await deliveries.payload(delivery);
  if (payload === null) {
    await deliveries.redeliver(delivery);
    return 'redelivered';
  }
  const event = parseCommentEvent(payload);
  if (event.kind === 'ignored') return event.reason;
  if (!(await desk.hubOf(event).unedited(event.comment))) return 'edited or deleted meanwhile';
  const running = await runUnderWay(desk, event);
  if (running !== null && Number(running.state.comment) > event.comment) return `older than run ${running.run}`;
  const taken = await inbox.take(event);
  if (taken) desk.log.info({ comment: event.comment }, 'a comment was found whose webhook had failed');
  return taken ? 'taken' : 'no command, or carried out before';
}

/** What was said where the run takes its commands from, since it began or was last looked at. */
async function takeSaid({ desk, inbox }: CatchUpParts, run: string, seen: Map<string, string>): Promise<void> {
  const state = foldRun(await desk.journal.events(run));
  const { place, startedAt, comment } = state;
  const { pullRequest } = viewOf(state);
  const numbers = new Set([place.number, ...(pullRequest === null ? [] : [pullRequest.number])]);
  for (const number of numbers) {
    const name = `${run}#${number}`;
    const since = seen.get(name) ?? new Date(Date.parse(startedAt) - MARGIN_MS).toISOString();
    for (const one of await desk.hubOf(place).said(number, since)) {
      if (one.at > since) seen.set(name, one.at);
      if (one.id <= Number(comment)) continue;
      const isPullRequest = number !== place.number || place.kind === 'pull-request';
      const { owner, repo, installation } = place;
      const { id, author, body } = one;
      const event: CommentEvent = { kind: 'comment', comment: id, owner, repo, installation, number, isPullRequest, author, body };
      if (await inbox.take(event)) desk.log.info({ comment: id, run }, 'a comment was found that no webhook had told');
    }
  }
}
