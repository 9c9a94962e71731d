import { foldRun, type RunState } from '../domain/run-state.ts';
import { viewOf, type RunView } from '../publish/view.ts';
import { refuse, type Desk, type RepositoryName } from './desk.ts';

export interface CurrentRun {
  readonly run: string;
  readonly state: RunState;
  readonly view: RunView;
}

/** The unfinished run of this issue or pull request: the one that was asked for there, or whose pull request it is. There is at most one. */
export async function runUnderWay(desk: Pick<Desk, 'journal'>, place: Place): Promise<CurrentRun | null> {
  return findRun(desk, await desk.journal.unfinished(), { ...place, comment: Infinity });
}

/** The unfinished run that a command means: what was started after its comment was not meant by it, however late it is carried out. */
export async function currentRun(desk: Pick<Desk, 'journal'>, asked: Where): Promise<CurrentRun | null> {
  return findRun(desk, await desk.journal.unfinished(), asked);
}

/** The newest run that a command can mean, ended or not. */
export async function lastRun(desk: Pick<Desk, 'journal'>, asked: Where): Promise<CurrentRun | null> {
  return findRun(desk, await desk.journal.runs(), asked);
}

type Place = RepositoryName & { readonly number: number };
type Where = Place & { readonly comment: number };

async function findRun(desk: Pick<Desk, 'journal'>, runs: readonly string[], where: Where): Promise<CurrentRun | null> {
  for (const run of runs) {
    const state = foldRun(await desk.journal.events(run));
    if (Number(state.comment) > where.comment) continue;
    const view = viewOf(state);
    if (isIn(state, where) && (state.place.number === where.number || view.pullRequest?.number === where.number))
      return { run, state, view };
  }
  return null;
}

/** For a number of this repository the one of the issue that its run was asked for at, which differs for a run's pull request. */
export async function homesIn({ journal }: Pick<Desk, 'journal'>, repository: RepositoryName): Promise<(number: number) => number> {
  const homes = new Map<number, number>();
  for (const run of await journal.runs()) {
    const state = foldRun(await journal.events(run));
    const { pullRequest } = viewOf(state);
    // What came of an issue has the higher number: so this ends.
    if (isIn(state, repository) && pullRequest !== null && pullRequest.number > state.place.number)
      homes.set(pullRequest.number, state.place.number);
  }
  const homeOf = (number: number): number => {
    const home = homes.get(number);
    return home === undefined ? number : homeOf(home);
  };
  return homeOf;
}

function isIn({ place }: RunState, { owner, repo }: RepositoryName): boolean {
  return place.owner.toLowerCase() === owner.toLowerCase() && place.repo.toLowerCase() === repo.toLowerCase();
}

/** The run that took this very comment as a signal, finished or not. */
export async function runThatHeard(desk: Desk, { comment }: { readonly comment: number }): Promise<string | undefined> {
  for (const run of await desk.journal.runs()) {
    if ((await desk.journal.signals(run)).some(({ id }) => id === String(comment))) return run;
  }
  return undefined;
}

export const NO_RUN = refuse('There is no unfinished run here. `/workflow migrate <task>` starts one.');
