import { shardBranch } from '../domain/branch.ts';
import { ConvergeError } from '../domain/errors.ts';
import { inGeneration } from '../domain/generation.ts';
import type { Plan } from '../domain/plan.ts';
import type { Executed, House } from '../house.ts';
import { trusted } from '../journal/trusted.ts';
import { assemble, type Assembled, type DeliveredCommit } from './assemble.ts';
import { refusedPush, type RunBranch } from './branch.ts';
import { pushOnce } from './push.ts';
import { returnShards } from './return-shards.ts';
import { readShards, type SettledShards } from './shards.ts';

/** A person may push between assembling and pushing; then it is assembled again on top of that, this often at most. */
const ATTEMPTS = 5;

export interface Delivered {
  readonly assembled: Assembled;
  /** As they stand after shards that were in conflict had their second try. */
  readonly shards: SettledShards;
}

/**
 * One tree, one push: accepted changes become commits on the run's branch, always on top of what people pushed there (invariant 10). A shard in conflict
 * with that goes back once and is made again on the branch's tip. With nothing accepted that is not there yet nothing is pushed and `commits` is empty.
 * A shard that is dropped before its push was intended is taken out again. Ends in a ConvergeError of kind `github` when the push is refused.
 */
export async function deliver(
  house: House,
  plan: Plan,
  { branch, executed, shards }: { branch: RunBranch; executed: Executed; shards: SettledShards },
): Promise<Delivered> {
  let settled = shards;
  let moves = 0;
  for (let attempt = 1; moves < ATTEMPTS; attempt += 1) {
    const onto = settled;
    const own = (name: string): string => inGeneration(house.generation, name);
    const assembled = await house.step(own(`assembled#${attempt}`), trusted<Assembled>(), async () => {
      const tip = (await house.repository.fetchBranch({ run: house.run, branch: branch.name })) ?? branch.commit;
      return assemble(house, plan, { onto: tip, landed: await landedOn(house, { tip, from: branch.commit }), shards: onto });
    });
    const back = await returnShards(house, plan, { assembled, attempt });
    if (back !== null) {
      settled = back;
      continue;
    }
    if (assembled.commits.length === 0) return { assembled, shards: settled };
    const ids = assembled.commits.flatMap((commit) => commit.shards);
    const pushed = await pushOnce(house, {
      key: own(`push/converged/${attempt}`),
      commit: assembled.head,
      branch: branch.name,
      shards: ids,
    });
    if (pushed.kind === 'withdrawn') {
      settled = await readShards(house, plan, executed);
      continue;
    }
    if (pushed.kind === 'refused') throw refusedPush(branch.name, pushed.reason);
    // Only moves of this drive count: a run that is taken up again has all its attempts.
    if (pushed.kind === 'moved' && !pushed.replayed) moves += 1;
    if (pushed.kind !== 'moved') {
      if (house.settings.publishShards) await publishShards(house, settled);
      return { assembled, shards: settled };
    }
  }
  throw new ConvergeError(
    'github',
    `The branch \`${branch.name}\` moved ${ATTEMPTS} times while Converge was delivering to it. Expected that it stands still for a moment; wait until the pushes have ended.`,
    { retry: 'later' },
  );
}

/** What earlier deliveries made and the branch has, by the branch itself: whatever became known of their pushes, and whoever pushed on top. */
async function landedOn(
  { run, journal, repository }: House,
  { tip, from }: { readonly tip: string; readonly from: string },
): Promise<readonly DeliveredCommit[]> {
  const earlier = (await journal.events(run)).flatMap(({ event }) =>
    event.type === 'step.done' && event.step.startsWith('assembled#') ? trusted<Assembled>().parse(event.result).commits : [],
  );
  if (earlier.length === 0) return [];
  const there = new Set((await repository.commitsBetween(from, tip)).map(({ id }) => id));
  return earlier.filter(({ commit }) => there.has(commit));
}

async function publishShards(house: House, shards: SettledShards): Promise<void> {
  for (const history of [...shards.accepted, ...shards.leftOver]) {
    const change = history.changes.at(-1);
    if (change === undefined) continue;
    const branch = shardBranch(house.run, history.shard.id);
    const commit = await house.repository.resolve(`refs/heads/${branch}`);
    if (commit !== null) await pushOnce(house, { key: inGeneration(house.generation, `push/shard/${history.shard.id}`), commit, branch });
  }
}
