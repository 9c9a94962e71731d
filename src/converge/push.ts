import { dropsOf } from '../domain/drops.ts';
import type { PushResult, Repository } from '../git/workspace.ts';
import type { Journal } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';

/** What a push needs of a house; `run` is the scope under which it is recorded. */
export interface Pusher {
  readonly run: string;
  readonly journal: Pick<Journal, 'intend' | 'events' | 'confirm' | 'done'>;
  readonly repository: Pick<Repository, 'push'>;
}

export interface Push {
  readonly key: string;
  readonly commit: string;
  readonly branch: string;
  /** Shards that it delivers. */
  readonly shards?: readonly string[];
}

/** `withdrawn`: a person dropped one of its shards before it was intended, so it was never made. */
export type Pushed = (PushResult | { readonly kind: 'withdrawn' }) & { readonly replayed: boolean };

/**
 * A push as an effect: done once under its key. After an unknown outcome it is made again, which is harmless: the remote ref is compared first
 * and a branch that is there already answers `already`.
 */
export async function pushOnce(house: Pusher, { key, commit, branch, shards = [] }: Push): Promise<Pushed> {
  const delivers = shards.length === 0 ? {} : { shards };
  const intent = await house.journal.intend(house.run, key, { push: branch, commit, ...delivers });
  if (intent.done) return { ...trusted<PushResult>().parse(intent.result), replayed: true };
  // The order in the record decides, so that a person who was told "dropped" does not find it delivered.
  const dropped = shards.length === 0 ? null : dropsOf(await house.journal.events(house.run)).dropped;
  const withdrawn = shards.some((shard) => dropped?.has(shard));
  // Git asks nobody whose run this is: a process that slept must not push what another has decided about since.
  if (!withdrawn) await house.journal.confirm();
  const result = withdrawn ? { kind: 'withdrawn' as const } : await house.repository.push({ commit, branch });
  await house.journal.done(house.run, key, { ...result });
  return { ...result, replayed: false };
}
