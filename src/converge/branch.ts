import { runBranch } from '../domain/branch.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { House } from '../house.ts';
import { pullRequestTitle } from '../report/pull-request.ts';
import { draftBody } from '../report/draft-body.ts';
import { pushOnce } from './push.ts';

/** The run's branch on GitHub and its draft pull request. */
export interface RunBranch {
  readonly name: string;
  /** The empty commit that the branch begins with; its CI is the base column. */
  readonly commit: string;
  readonly pullRequest: { readonly number: number; readonly url: string };
}

/**
 * Begins the run's branch with an empty commit on the base, and opens the draft pull request on it (DESIGN.md §6).
 * Called again for a later plan it gives the same branch; on a newer base it appends a merge of that base, so that every push stays a fast-forward.
 * Ends in a ConvergeError of kind `github` when the branch cannot be pushed.
 */
export async function openBranch(house: House, plan: Plan): Promise<RunBranch> {
  const name = runBranch(house.run);
  const earlier = await beginnings(house);
  const at = earlier.findIndex((beginning) => beginning.base === plan.base.commit);
  const known = earlier[at];
  const commit =
    known === undefined
      ? await beginningOf(house, plan, earlier.at(-1)?.commit ?? null)
      : await keep(house, plan, { known: known.commit, previous: earlier[at - 1]?.commit ?? null });
  await note(house, plan.base.commit, commit);
  const pushed = await pushOnce(house, { key: `push/plan/${plan.base.commit.slice(0, 12)}`, commit, branch: name });
  if (pushed.kind === 'refused') throw refusedPush(name, pushed.reason);
  if (pushed.kind === 'moved') throw movedBefore(name);
  const pullRequest = await house.hub.openPullRequest(house.run, 'pull-request', {
    title: pullRequestTitle(plan),
    head: name,
    base: plan.base.branch,
    body: draftBody({ run: house.run, place: house.place, plan }),
  });
  return { name, commit, pullRequest };
}

export function refusedPush(branch: string, reason: string): ConvergeError {
  return new ConvergeError(
    'github',
    `GitHub refused the push to \`${branch}\`: ${reason}. Expected that the App may write contents there. Check the App's permissions and the rules of the branch, then start the migration again.`,
  );
}

function movedBefore(branch: string): ConvergeError {
  return new ConvergeError(
    'github',
    `Found commits of somebody else on \`${branch}\` before the plan was approved, expected only Converge's own until then: the branch has to move to a newer base, and theirs would be lost. Keep them on another branch, delete \`${branch}\`, and start the migration again.`,
  );
}

interface Beginning {
  readonly base: string;
  readonly commit: string;
}

/** In order, as the journal has them. */
export async function beginnings(house: House): Promise<readonly Beginning[]> {
  const effects = await house.journal.effects(house.run);
  return effects.flatMap(({ key, intent }) => {
    const base = /^branch\/([0-9a-f]{40})$/u.exec(key)?.[1];
    const commit = intent !== null && typeof intent === 'object' && 'commit' in intent ? intent.commit : undefined;
    return base === undefined || typeof commit !== 'string' ? [] : [{ base, commit }];
  });
}

/** Both verbs each time: a kill between them leaves the first alone. */
async function note(house: House, base: string, commit: string): Promise<void> {
  await house.journal.intend(house.run, `branch/${base}`, { commit });
  await house.journal.done(house.run, `branch/${base}`, { commit });
}

/** A mirror is a cache: where the beginning is gone and was never pushed, it is made again, under the same id. */
async function keep(
  house: House,
  plan: Plan,
  { known, previous }: { readonly known: string; readonly previous: string | null },
): Promise<string> {
  if (await house.repository.has(known)) return known;
  const again = await beginningOf(house, plan, previous);
  if (again === known) return known;
  throw new ConvergeError(
    'git',
    `The beginning of \`${runBranch(house.run)}\` (\`${known}\`) is gone from Converge's own copy of the repository and from GitHub, and cannot be made again. Expected that the branch stays while the run goes on. Restore the branch, or start the migration again.`,
  );
}

async function beginningOf(house: House, plan: Plan, previous: string | null): Promise<string> {
  return house.repository.commit({
    message: [
      `Begin: ${pullRequestTitle(plan)}`,
      'The plan and what became of it are in the pull request.',
      `Converge-Run: ${house.run}`,
    ].join('\n\n'),
    parents: previous === null ? [plan.base.commit] : [previous, plan.base.commit],
    tree: plan.base.tree,
    date: await startOf(house),
  });
}

/** Commits are reproducible: their dates come from the journal. */
async function startOf(house: House): Promise<string> {
  const [first] = await house.journal.events(house.run);
  if (first === undefined) throw new ConvergeError('journal', `Found no record of run ${house.run} in the journal, expected its start.`);
  return first.at;
}
