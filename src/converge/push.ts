import type { PushResult, Repository } from '../git/workspace.ts';
import type { Journal } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';

/** What a push needs of a house; `run` is the scope under which it is recorded. */
export interface Pusher {
  readonly run: string;
  readonly journal: Journal;
  readonly repository: Repository;
}

export interface Push {
  readonly key: string;
  readonly commit: string;
  readonly branch: string;
}

/**
 * A push as an effect: done once under its key. After an unknown outcome it is made again, which is harmless: the remote ref is compared first
 * and a branch that is there already answers `already`.
 */
export async function pushOnce(house: Pusher, push: Push): Promise<PushResult & { readonly replayed: boolean }> {
  const intent = await house.journal.intend(house.run, push.key, { push: push.branch, commit: push.commit });
  if (intent.done) return { ...trusted<PushResult>().parse(intent.result), replayed: true };
  const result = await house.repository.push({ commit: push.commit, branch: push.branch });
  await house.journal.done(house.run, push.key, { ...result });
  return { ...result, replayed: false };
}
