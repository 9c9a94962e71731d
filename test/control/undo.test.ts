import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Desk } from '../../src/control/desk.ts';
import { retry as retryCommand } from '../../src/control/retry.ts';
import { undo as undoCommand } from '../../src/control/undo.ts';
import { runBranch, shardBranch } from '../../src/domain/branch.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import type { Hub, PullRequestFacts } from '../../src/github/hub.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { BOT, git, Origin } from '../git/origin.ts';
import { plan, shard } from '../verify/support.ts';
import { comment, openOffice, RUN, type Office, plain } from './support.ts';

const retry = plain(retryCommand);
const undo = plain(undoCommand);

const BRANCH = runBranch(RUN);
const SHARD = shardBranch(RUN, 'sa');

interface Farm extends Office {
  readonly origin: Origin;
  readonly pull: { state: PullRequestFacts['state']; merged: boolean };
  /** What was done to the pull request, in order. */
  readonly acts: readonly string[];
  /** The same desk on a journal whose n-th write from now is never made, or is the last one that is. */
  readonly dying: (n: number, end: 'before' | 'after') => Desk;
}

/** An ended run with a pull request, whose branch and one shard's were pushed. */
async function farm(): Promise<Farm> {
  const origin = new Origin({ 'src/a.js': 'old(1);\n' });
  const repository = await origin.mirror();
  const base = await repository.pin({ run: RUN, commit: origin.head() });
  const pull: Farm['pull'] = { state: 'open', merged: false };
  const acts: string[] = [];
  const office = await openOffice();
  const { journal } = office;
  const hub = hubOn(journal, pull, acts);
  const desk: Desk = { ...office.desk, hubOf: () => hub, repositoryOf: () => Promise.resolve(repository) };
  await office.plan(plan({ branch: 'main', ...base }, [shard('sa', ['src/a.js'])]));
  const commit = await repository.commit({ message: 'Work', parents: [base.commit], tree: base.tree, date: '2026-11-20T00:00:00Z' });
  for (const [key, branch] of [
    ['push/plan/1', BRANCH],
    ['push/shard/sa', SHARD],
  ] as const) {
    await journal.intend(RUN, key, { push: branch, commit });
    await journal.done(RUN, key, { ...(await repository.push({ commit, branch })) });
  }
  await journal.intend(RUN, 'pull-request', {});
  await journal.done(RUN, 'pull-request', { number: 5, url: 'https://example.com/5' });
  await journal.append(RUN, [{ type: 'run.ended', status: 'partial', why: 'One is left over.', ledger: [] }]);
  const dying: Farm['dying'] = (n, end) => {
    const mortal = mortalJournal(journal, n, end);
    const hub = hubOn(mortal, pull, acts);
    return { ...desk, journal: mortal, hubOf: () => hub };
  };
  return { ...office, desk, origin, pull, acts, dying };
}

/** A hub whose effects are journaled as the real one's are. */
function hubOn(journal: Journal, pull: Farm['pull'], acts: string[]): Hub {
  const known: Partial<Hub> = {
    permission: (login) => Promise.resolve(login === 'mona' ? 'admin' : 'read'),
    bot: () => Promise.resolve(BOT),
    pullRequest: (number) =>
      Promise.resolve({
        number,
        url: '',
        draft: true,
        ...pull,
        head: { branch: BRANCH, commit: '', repository: 'octo/farm' },
        base: { branch: 'main' },
      }),
    closePullRequest: async (scope, key) => {
      const intent = await journal.intend(scope, key, {});
      if (!intent.done && pull.state === 'open') {
        acts.push('closed');
        pull.state = 'closed';
      }
      if (!intent.done) await journal.done(scope, key, { was: 'open' });
      return { was: 'open' };
    },
    comment: async (scope, key, { number, body }) => {
      const intent = await journal.intend(scope, key, {});
      if (!intent.done && !acts.some((act) => act.startsWith('comment'))) acts.push(`comment on ${number}: ${body}`);
      if (!intent.done) await journal.done(scope, key, { id: 1, url: '' });
      return { id: 1, url: '' };
    },
  };
  return new Proxy<Hub>(Object.create(null), {
    get: (_, name) => {
      const verb: unknown = Reflect.get(known, name);
      if (verb === undefined) throw new Error(`the hub was asked for ${String(name)}`);
      return verb;
    },
  });
}

const WRITES: ReadonlySet<string | symbol> = new Set(['append', 'signal', 'intend', 'done']);

function mortalJournal(journal: Journal, last: number, end: 'before' | 'after'): Journal {
  let writes = 0;
  return new Proxy(journal, {
    get: (target, name) => {
      const verb: unknown = Reflect.get(target, name);
      if (typeof verb !== 'function') return verb;
      if (!WRITES.has(name)) return verb.bind(target);
      return async (...args: readonly unknown[]) => {
        writes += 1;
        if (writes > last || (writes === last && end === 'before')) throw new Error('killed');
        const result: unknown = await Reflect.apply(verb, target, args);
        if (writes === last) throw new Error('killed');
        return result;
      };
    },
  });
}

test('an undo closes the pull request, deletes the run’s branches and no others, and tells exactly that', async () => {
  const { desk, origin, pull, acts, driven } = await farm();
  const text = await undo(desk, comment(9));
  expect(text).toBe(
    `Run \`${RUN}\` is undone, as mona asked. Pull request #5 is closed. Deleted: \`${BRANCH}\`, \`${SHARD}\`. What it cost stays: $0.00. \`/workflow migrate <task>\` starts another run.`,
  );
  expect(acts).toEqual(['closed', `comment on 5: ${text}`]);
  expect(pull.state).toBe('closed');
  expect(git(origin.bare, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).toBe('main');
  expect(driven).toEqual([RUN]);
  expect(await retry(desk, comment(10), { name: 'retry', shards: [] })).toContain('was undone');
});

test('killed before or after any of its writes, an undo ends the same', async () => {
  const whole = await farm();
  const text = await undo(whole.desk, comment(9));
  let kills = 0;
  for (const end of ['before', 'after'] as const) {
    for (let n = 1; ; n += 1) {
      const { desk, origin, acts, dying, journal } = await farm();
      const first = await undo(dying(n, end), comment(9)).catch((error: unknown) => error);
      if (!(first instanceof Error)) break;
      expect(first.message).toBe('killed');
      kills += 1;
      expect(await undo(desk, comment(9))).toBe(text);
      expect(acts).toEqual(['closed', `comment on 5: ${text}`]);
      expect(git(origin.bare, ['for-each-ref', '--format=%(refname:short)', 'refs/heads'])).toBe('main');
      expect((await journal.effects(RUN)).every(({ done }) => done)).toBe(true);
    }
  }
  expect(kills).toBeGreaterThanOrEqual(16);
}, 300_000);

test.each([
  ['on top of ours', (origin: Origin) => origin.commit({ 'mine.txt': 'm' }, 'by hand', BRANCH)],
  [
    'that they made of ours by amending it',
    (origin: Origin) => {
      writeFileSync(join(origin.clone, 'mine.txt'), 'm');
      git(origin.clone, ['add', '-A']);
      git(origin.clone, ['commit', '--quiet', '--amend', '--no-edit']);
      git(origin.clone, ['push', '--quiet', '--force', 'origin', `HEAD:refs/heads/${BRANCH}`]);
      return origin.head();
    },
  ],
  [
    'below ours',
    (origin: Origin) => {
      origin.commit({ 'mine.txt': 'm' }, 'by hand', BRANCH);
      const env = { GIT_AUTHOR_NAME: BOT.name, GIT_AUTHOR_EMAIL: BOT.email, GIT_COMMITTER_NAME: BOT.name, GIT_COMMITTER_EMAIL: BOT.email };
      git(origin.clone, ['commit', '--quiet', '--allow-empty', '-m', 'On top'], { env });
      git(origin.clone, ['push', '--quiet', 'origin', `HEAD:refs/heads/${BRANCH}`]);
      return origin.head();
    },
  ],
])('a branch with a person’s commit %s stays, and it is told', async (_, push) => {
  const { desk, origin } = await farm();
  git(origin.clone, ['fetch', '--quiet', 'origin', BRANCH]);
  git(origin.clone, ['checkout', '--quiet', 'FETCH_HEAD']);
  const head = push(origin);
  const text = await undo(desk, comment(9));
  expect(text).toContain(`Deleted: \`${SHARD}\`. \`${BRANCH}\` stays, because it holds commits of Ada Person`);
  expect(origin.branch(BRANCH)).toBe(head);
  expect(origin.branch(SHARD)).toBe('');
});

test('what was merged, and who may not approve, undo nothing', async () => {
  const { desk, journal, pull, acts, origin } = await farm();
  expect(await undo(desk, comment(8, 'casey'))).toContain('Found read access');
  pull.state = 'closed';
  pull.merged = true;
  expect(await undo(desk, comment(9))).toContain('is merged, and Converge takes nothing back');
  expect(acts).toEqual([]);
  expect(origin.branch(BRANCH)).not.toBe('');
  expect([...foldRun(await journal.events(RUN)).effects.keys()].filter((key) => key.startsWith('undo/'))).toEqual([]);
});
