import { foldRun, type Pause, type RunState } from '../domain/run-state.ts';
import type { CheckRunDraft, Hub } from '../github/hub.ts';
import type { Journal } from '../journal/journal.ts';
import { checkText, conclusionOf } from '../report/check-summary.ts';
import { statusComment } from '../report/status-comment.ts';
import { openQuestions } from './questions.ts';
import { viewOf } from './view.ts';

export interface BulletinParts {
  readonly run: string;
  /** Edits of an earlier bulletin of the run that are still under way. */
  readonly after: Promise<void>;
  readonly journal: Journal;
  readonly hub: Hub;
  /** Least time between two edits. */
  readonly intervalMs: number;
  readonly pageUrl: string | null;
  /** What every report says of how this Converge runs. */
  readonly caveats: readonly string[];
  /** Limits of months that come near, in words. */
  readonly months: () => Promise<readonly string[]>;
  /** Told of edits that GitHub refused; the next one brings the same and more. */
  readonly onProblem: (problem: unknown) => void;
}

/** Keeps the status comment and the check run in step with the journal. Edits are a projection of it: idempotent, coalesced, and made again from the fold at will. */
export interface Bulletin {
  /** Brings both up to date now; rejects when GitHub refused. `unrecorded`: a pause that the journal could not take, shown until the next edit. */
  flush(unrecorded?: Pause): Promise<void>;
  /** Stops watching; edits under way are awaited. */
  close(): Promise<void>;
}

/** Gives the one edit: brings comment and check run to what the journal says now, and leaves GitHub alone where nothing differs. */
function openEdits(parts: BulletinParts): (unrecorded?: Pause) => Promise<void> {
  let shown = { comment: '', check: '' };
  const superseded = new Set<number>();
  return async (unrecorded) => {
    const recorded = foldRun(await parts.journal.events(parts.run));
    const state: RunState = unrecorded === undefined ? recorded : { ...recorded, status: 'paused', pause: unrecorded };
    const view = viewOf(state);
    const shards = view.plan?.shards.length ?? null;
    const planHash = view.plan?.hash ?? null;
    if (view.status !== null) {
      const { pullRequest } = view;
      const questions = await openQuestions(parts.journal, parts.run);
      const facts = { planUrl: view.planComment?.url ?? null, inventory: view.plan?.inventory.length ?? null, pageUrl: parts.pageUrl };
      const body = statusComment({
        run: parts.run,
        state,
        pullRequest,
        planHash,
        shards,
        questions,
        caveats: parts.caveats,
        months: await parts.months(),
        ...facts,
      });
      if (body !== shown.comment) await parts.hub.editComment(parts.run, 'status', { comment: view.status.id, body });
      shown = { ...shown, comment: body };
    }
    for (const old of view.olderChecks) {
      if (superseded.has(old.id)) continue;
      await parts.hub.updateCheckRun(
        parts.run,
        old.id,
        supersededBy(old.commit, { newer: view.check?.commit ?? '', startedAt: state.startedAt }),
      );
      superseded.add(old.id);
    }
    if (view.check !== null) {
      const waiting = planHash !== null && state.calls.length === 0;
      const words = checkText(state, { planHash, shards, caveats: parts.caveats });
      const { startedAt } = state;
      const draft = checkDraft(view.check.commit, { ...words, startedAt, status: state.end?.status ?? null, waiting, url: parts.pageUrl });
      const text = JSON.stringify([view.check.id, draft]);
      if (text !== shown.check) await parts.hub.updateCheckRun(parts.run, view.check.id, draft);
      shown = { ...shown, check: text };
    }
  };
}

export function openBulletin(parts: BulletinParts): Bulletin {
  const edit = openEdits(parts);
  let last = parts.after;
  let timer: NodeJS.Timeout | null = null;
  const enqueue = (unrecorded?: Pause): Promise<void> => {
    const mine = last.then(() => edit(unrecorded));
    last = mine.catch(parts.onProblem);
    return mine;
  };
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = null;
      enqueue().catch(() => undefined);
    }, parts.intervalMs);
  };
  const unwatch = parts.journal.watch(parts.run, soon);
  // A process that was killed may have shown less than it wrote, and a run that waits for a person writes nothing new.
  soon();
  const cancel = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  return {
    flush: async (unrecorded) => {
      cancel();
      await enqueue(unrecorded);
    },
    close: async () => {
      unwatch();
      cancel();
      await last;
    },
  };
}

/** The check of an earlier commit: said on that commit too, and never a success. */
function supersededBy(commit: string, { newer, startedAt }: { readonly newer: string; readonly startedAt: string }): CheckRunDraft {
  const title = commit === newer ? 'Tried again: see the newer check' : `Continued on ${newer.slice(0, 12)}`;
  return {
    commit,
    startedAt,
    title,
    summary: `The run goes on, and ends, on ${newer}.`,
    text: '',
    detailsUrl: null,
    status: 'completed',
    conclusion: 'neutral',
  };
}

interface CheckState {
  readonly title: string;
  readonly summary: string;
  readonly text: string;
  readonly startedAt: string;
  readonly status: Parameters<typeof conclusionOf>[0] | null;
  readonly waiting: boolean;
  readonly url: string | null;
}

export function checkDraft(commit: string, { title, summary, text, startedAt, status, waiting, url }: CheckState): CheckRunDraft {
  const words = { commit, startedAt, title, summary, text, detailsUrl: url };
  if (status !== null) return { ...words, status: 'completed', conclusion: conclusionOf(status) };
  return { ...words, status: waiting ? 'queued' : 'in_progress', conclusion: null };
}
