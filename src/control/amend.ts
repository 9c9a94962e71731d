import { effectiveHash, type Amendment } from '../domain/amendment.ts';
import { foldRun, type RunState } from '../domain/run-state.ts';
import { isApproved } from '../report/status-comment.ts';
import { currentRun, lastRun, NO_RUN, type CurrentRun } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { mayNotApprove } from './may-approve.ts';

/** `state` is the run's with the amendment in it. */
export type Amended =
  | { readonly kind: 'amended'; readonly run: string; readonly state: RunState }
  | { readonly kind: 'refused'; readonly answer: Answer };

/**
 * Changes the approved run here by an amendment of a person who may approve (invariant 2): journaled once for each comment, with the hash that names plan and all
 * amendments up to it. The same comment carried out again finds what it did, even if the run has ended since.
 */
export async function amend(desk: Desk, asked: Asked, amendment: Amendment): Promise<Amended> {
  const current = await currentRun(desk, asked);
  const before = current ?? (await lastRun(desk, asked));
  const id = String(asked.comment);
  if (before?.state.amendments.some((made) => made.id === id) === true) return { kind: 'amended', run: before.run, state: before.state };
  if (current === null) return { kind: 'refused', answer: NO_RUN };
  const { run, state, view } = current;
  const refused = await mayNotApprove(desk, asked, state);
  if (refused !== null) return { kind: 'refused', answer: refuse(refused) };
  if (!isApproved(state) || view.plan === null) return { kind: 'refused', answer: refuse(notApproved(current)) };
  const amendments = [...state.amendments.map((made) => made.amendment), amendment];
  const hash = effectiveHash(view.plan.hash, amendments);
  await desk.journal.append(run, [{ type: 'run.amended', id, by: asked.author.login, amendment, hash }]);
  return { kind: 'amended', run, state: foldRun(await desk.journal.events(run)) };
}

function notApproved({ run, view }: CurrentRun): string {
  return view.plan === null
    ? `The plan of run \`${run}\` is still being made, and nothing of it can be changed yet. Read it, then \`/workflow revise <text>\` says what should be different.`
    : `The plan of run \`${run}\` is not approved yet, so there is nothing to amend. \`/workflow revise <text>\` plans again with what should be different.`;
}
