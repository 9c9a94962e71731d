import { peopleOf } from '../domain/people.ts';
import { runBranch, shardBranch } from '../domain/branch.ts';
import type { Plan } from '../domain/plan.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Repository } from '../git/workspace.ts';
import { trusted } from '../journal/trusted.ts';
import { undoneText, type BranchUndone } from '../report/undone.ts';
import { lastRun, type CurrentRun } from './current-run.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { mayNotUndo } from './may-approve.ts';

/**
 * Takes back what the newest run here put on GitHub: it is stopped, its pull request closed, its branches deleted, but for those that hold a person's commits
 * (invariant 10). Each act is an effect of the run, so that killed anywhere it ends the same.
 */
export async function undo(desk: Desk, asked: Asked): Promise<Answer> {
  const found = await lastRun(desk, asked);
  if (found === null) return refuse('There is no run here that could be undone. `/workflow migrate <task>` starts one.');
  const { run } = found;
  const refused = await whyNot(desk, asked, found);
  if (refused !== null) return refuse(refused);
  if (found.state.end === null) {
    await desk.journal.signal(run, { id: String(asked.comment), name: 'stop', by: asked.author.login, text: '' });
    await desk.interrupt(run);
  }
  const state = foldRun(await desk.journal.events(run));
  if (state.end === null)
    return refuse(
      'It is told to stop, and has not let go yet; nothing is undone so far. Write `/workflow undo` again when it has stopped.',
    );

  await desk.journal.intend(run, ASKED, { by: asked.author.login });
  if (!state.effects.has(ASKED)) await desk.journal.done(run, ASKED, { by: asked.author.login });
  const hub = desk.hubOf(asked);
  const { pullRequest, plan } = found.view;
  const closed = pullRequest === null ? null : await hub.closePullRequest(run, 'undo/close', pullRequest.number);
  const branches = plan === null ? [] : await deleteBranches({ desk, asked, run, plan });
  const text = undoneText({
    run,
    by: asked.author.login,
    pullRequest: pullRequest === null || closed === null ? null : { number: pullRequest.number, was: closed.was },
    branches,
    spent: state.spending.total.spent,
  });
  if (pullRequest !== null && pullRequest.number !== asked.number)
    await hub.comment(run, 'undo/comment', { number: pullRequest.number, body: text });
  // Its status says so too.
  desk.drive(run);
  return text;
}

/** From here on the run is taken back, however far that came; a retry is refused (retry.ts). */
const ASKED = 'undo/asked';

async function whyNot(desk: Desk, asked: Asked, { run, state, view }: CurrentRun): Promise<string | null> {
  const refused = await mayNotUndo(desk, asked, state);
  if (refused !== null || view.pullRequest === null) return refused;
  const { merged } = await desk.hubOf(asked).pullRequest(view.pullRequest.number);
  return merged
    ? `Pull request #${view.pullRequest.number} of run \`${run}\` is merged, and Converge takes nothing back from a branch of yours. Revert it with GitHub's button on the pull request.`
    : null;
}

interface Undoing {
  readonly desk: Desk;
  readonly asked: Asked;
  readonly run: string;
  readonly plan: Plan;
}

async function deleteBranches(undoing: Undoing): Promise<readonly BranchUndone[]> {
  const { desk, asked, run } = undoing;
  const branches = await pushedBranches(undoing);
  if (branches.length === 0) return [];
  const repository = await desk.repositoryOf(asked);
  // The mirror holds what it needs under a name of its own for as long as this takes.
  const hold = `undo-${asked.comment}`;
  try {
    const results: BranchUndone[] = [];
    for (const branch of branches) {
      const key = `undo/branch/${branch}`;
      const intent = await desk.journal.intend(run, key, { branch });
      if (intent.done) {
        results.push(trusted<BranchUndone>().parse(intent.result));
        continue;
      }
      const result = await deleteBranch({ ...undoing, repository, hold }, branch);
      // Found gone after an intent of before: that was us.
      const told: BranchUndone = result.kind === 'gone' && !intent.fresh ? { kind: 'deleted', branch } : result;
      await desk.journal.done(run, key, { ...told });
      results.push(told);
    }
    return results;
  } finally {
    await repository.release(hold);
  }
}

/** The run's branch and its published shards', as far as a push to them was meant. */
async function pushedBranches({ desk, run, plan }: Undoing): Promise<readonly string[]> {
  const own = new Set([runBranch(run), ...plan.shards.map(({ id }) => shardBranch(run, id))]);
  const pushed = (await desk.journal.effects(run)).flatMap(({ key, intent }) =>
    key.startsWith('push/') && intent !== null && typeof intent === 'object' && 'push' in intent && typeof intent.push === 'string'
      ? [intent.push]
      : [],
  );
  return [...new Set(pushed)].filter((branch) => own.has(branch));
}

interface Deleting extends Undoing {
  readonly repository: Repository;
  readonly hold: string;
}

/** Whoever pushes while it is looked at is seen the next time. */
const ATTEMPTS = 3;

async function deleteBranch(deleting: Deleting, branch: string): Promise<BranchUndone> {
  const { repository, hold } = deleting;
  for (let attempt = 1; ; attempt += 1) {
    const head = await repository.fetchBranch({ run: hold, branch });
    if (head === null) return { kind: 'gone', branch };
    const people = await peopleOn(deleting, head);
    if (people.length > 0) return { kind: 'kept', branch, people };
    const result = await repository.deleteBranch({ branch, commit: head });
    if (result.kind === 'moved' && attempt < ATTEMPTS) continue;
    if (result.kind === 'moved') return { kind: 'refused', branch, reason: 'somebody is pushing to it.' };
    return { ...result, branch };
  }
}

/** Who else than the App has commits on the branch that the base branch has not. */
async function peopleOn({ desk, asked, repository, plan, hold }: Deleting, head: string): Promise<readonly string[]> {
  const base = (await repository.fetchBranch({ run: hold, branch: plan.base.branch })) ?? plan.base.commit;
  const { email: own } = await desk.hubOf(asked).bot();
  // A base that was rewritten since has not what the plan was made on.
  const sincePlan = new Set((await repository.commitsBetween(plan.base.commit, head)).map(({ id }) => id));
  const commits = (await repository.commitsBetween(base, head)).filter(({ id }) => sincePlan.has(id));
  return peopleOf(commits, own);
}
