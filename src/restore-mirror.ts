import type { ZodType } from 'zod';
import { assemble, type Assembled } from './converge/assemble.ts';
import { beginnings } from './converge/branch.ts';
import { readShards } from './converge/shards.ts';
import { runBranch } from './domain/branch.ts';
import type { Change } from './domain/change.ts';
import { ConvergeError } from './domain/errors.ts';
import type { StoredEvent } from './domain/events.ts';
import type { Plan } from './domain/plan.ts';
import { changeId } from './git/change-id.ts';
import type { Executed, House, Planned } from './house.ts';
import { trusted } from './journal/trusted.ts';

/**
 * A mirror is a cache (DESIGN.md §5): what a run's journal names and this mirror has not, because the disk or the power was lost or another machine drove the run before,
 * is fetched where it was pushed and made again, under the same ids, where it was not. With nothing lost it only looks. Beginnings that were never pushed
 * are made again by `openBranch`, which knows what they say.
 * Ends in a ConvergeError of kind `git` when something is neither here nor on GitHub and cannot be made again.
 */
export async function restoreMirror(house: House): Promise<void> {
  const { run, journal, repository } = house;
  const events = await journal.events(run);
  const bases = resultsOf(events, 'base#', trusted<Plan['base']>());
  for (const { commit } of bases) await repository.pin({ run, commit });
  const assembled = resultsOf(events, 'assembled#', trusted<Assembled>());
  const named = [...(await beginnings(house)).map(({ commit }) => commit), ...assembled.flatMap(({ onto, head }) => [onto, head])];
  if (!(await hasAll(house, named))) await repository.fetchBranch({ run, branch: runBranch(run) });
  const returned = events.flatMap(({ event }) => (event.type === 'shard.returned' ? [event.tree] : []));
  await layChanges(house, [...bases.map(({ tree }) => tree), ...returned]);
  const last = assembled.at(-1);
  if (last !== undefined) await assembleAgain(house, events, last);
}

function resultsOf<Result>(events: readonly StoredEvent[], prefix: string, schema: ZodType<Result>): readonly Result[] {
  return events.flatMap(({ event }) => (event.type === 'step.done' && event.step.startsWith(prefix) ? [schema.parse(event.result)] : []));
}

async function hasAll({ repository }: House, commits: readonly string[]): Promise<boolean> {
  for (const commit of commits) if (!(await repository.has(commit))) return false;
  return true;
}

/** `starts`: trees that changes of this run may have been made on; a change's id says on which it was. */
async function layChanges({ run, journal, repository }: House, starts: readonly string[]): Promise<void> {
  const made = new Map<string, Change>();
  for (const { kind, outcome } of await journal.settled(run, 0)) {
    if ((kind !== 'migrate' && kind !== 'revise') || outcome.kind !== 'value') continue;
    const change = trusted<Change>().parse(outcome.value);
    made.set(change.id, change);
  }
  for (const change of made.values()) {
    if (await repository.has(change.tree)) continue;
    const start = starts.find((baseTree) => changeId({ ...change, baseTree }) === change.id);
    const under = change.on.flatMap((id) => made.get(id) ?? []).map(({ overlay }) => overlay);
    if (start !== undefined) await repository.layer(start, [...under, change.overlay]);
  }
}

/** The delivery that was assembled last, unless its shards went back since, or a new generation was opened: then it is never pushed. */
async function assembleAgain(house: House, events: readonly StoredEvent[], last: Assembled): Promise<void> {
  const { repository, run } = house;
  if (last.commits.length === 0 || (await repository.has(last.head))) return;
  const at = events.findLastIndex(({ event }) => event.type === 'step.done' && event.step.startsWith('assembled#'));
  if (events.slice(at).some(({ event }) => event.type === 'shard.returned' || event.type === 'generation.opened')) return;
  const plan = resultsOf(events, 'plan#', trusted<Planned>()).findLast((planned) => planned.kind === 'planned')?.plan;
  const executed = resultsOf(events, 'executed', trusted<Executed>()).at(-1);
  if (!(await repository.has(last.onto)) || plan === undefined || executed === undefined) throw lost(runBranch(run));
  const shards = await readShards(house, plan, executed);
  const { head } = await assemble(house, plan, { onto: last.onto, landed: last.landed ?? [], shards });
  if (head !== last.head) throw lost(runBranch(run));
}

function lost(branch: string): ConvergeError {
  return new ConvergeError(
    'git',
    `The commits of \`${branch}\` are gone from Converge's own copy of the repository, and GitHub does not have them either. Expected that the branch stays while the run goes on. Restore the branch, or start the migration again.`,
  );
}
