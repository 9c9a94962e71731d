import { expect, onTestFinished, test } from 'vitest';

import type { Change } from '../../src/domain/change.ts';
import type { Repository } from '../../src/git/workspace.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { postReviews } from '../../src/publish/reviews.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';
import { hostilePlan, verdict } from '../report/support.ts';
import { shard } from '../verify/support.ts';

const RUN = 'run-1';

function acceptedIn(id: string) {
  const change: Change = {
    id: `change of ${id}`,
    shard: id,
    on: [],
    overlay: [],
    tree: 't',
    files: [`${id}.js`],
    added: 1,
    removed: 1,
    summary: '',
    replaces: null,
    revision: 0,
  };
  const only = verdict({ id: `verdict of ${id}`, change: change.id });
  const history = { shard: shard(id, change.files), changes: [change], verdicts: [only] };
  return { ...history, change, verdict: only, at: '2026-11-29T00:00:00Z', start: 't', returned: false };
}

test.each([
  [12, 12, 1],
  [95, 32, 3],
  [200, 40, 5],
])('%i delivered commits are reviewed in %i reviews, each on the last of its %i commits, no shard left out', async (all, most, size) => {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: 't', event: STARTED });
  const posted: { key: string; commit: string; body: string }[] = [];
  const review: Hub['review'] = async (_scope, key, { commit, body }) => {
    posted.push({ key, commit, body });
    return { id: posted.length, url: '' };
  };
  const diff: Repository['diff'] = () => Promise.resolve([]);
  const only = <Port extends object>(verbs: Partial<Port>): Port =>
    new Proxy<Port>(Object.create(null), { get: (_, name) => Reflect.get(verbs, name) });
  const ids = Array.from({ length: all }, (_, at) => `s-${String(at).padStart(3, '0')}`);
  const house = { run: RUN, generation: 1, journal, hub: only<Hub>({ review }), repository: only<Repository>({ diff }) };
  await postReviews(house, hostilePlan(), {
    branch: { name: 'converge/run-1', commit: 'c', pullRequest: { number: 5, url: '' } },
    shards: { accepted: ids.map((id) => acceptedIn(id)), leftOver: [], dropped: [] },
    delivered: { onto: 'c', head: 'h', tree: 't', commits: ids.map((id) => ({ commit: `commit of ${id}`, shards: [id] })), conflicts: [] },
  });
  expect(posted.map(({ key }) => key)).toEqual(Array.from({ length: most }, (_, at) => `review/${at + 1}`));
  const last = ids.filter((_, at) => at % size === size - 1 || at === all - 1);
  expect(posted.map(({ commit }) => commit)).toEqual(last.map((id) => `commit of ${id}`));
  for (const [at, id] of ids.entries()) expect(posted[Math.floor(at / size)]?.body).toContain(`\`${id}\``);
});
