import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { Repository } from '../../src/git/workspace.ts';
import { Origin, git } from './origin.ts';

const BRANCH = 'converge/r1';

async function pinned(
  options: { readonly mayPush?: () => void } = {},
): Promise<{ origin: Origin; repository: Repository; next: (parent: string, text: string) => Promise<string> }> {
  const origin = new Origin({ 'a.txt': 'a' });
  const repository = await origin.mirror(options);
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const next = async (parent: string, text: string): Promise<string> => {
    const changed = await repository.layer(tree, [[{ path: 'a.txt', mode: '100644', content: { utf8: text } }]]);
    return repository.commit({ message: `${text}\n`, parents: [parent], tree: changed, date: '2026-11-20T00:00:00Z' });
  };
  return { origin, repository, next };
}

test('pushes a new branch, then fast-forward, and knows what is there already', async () => {
  const { origin, repository, next } = await pinned();
  const first = await next(origin.head(), 'first');
  const second = await next(first, 'second');
  expect(await repository.push({ commit: first, branch: BRANCH })).toEqual({ kind: 'pushed' });
  expect(await repository.push({ commit: first, branch: BRANCH })).toEqual({ kind: 'already' });
  expect(await repository.push({ commit: second, branch: BRANCH })).toEqual({ kind: 'pushed' });
  expect(origin.branch(BRANCH)).toBe(second);
  expect(await repository.deleteBranch({ branch: BRANCH, commit: first })).toEqual({ kind: 'moved', remote: second });
  expect(await repository.deleteBranch({ branch: BRANCH, commit: second })).toEqual({ kind: 'deleted' });
  expect(await repository.remoteHead(BRANCH)).toBeNull();
  expect(await repository.deleteBranch({ branch: BRANCH, commit: second })).toEqual({ kind: 'gone' });
});

test("a person's commit on the branch is never overwritten, and can be built upon", async () => {
  const { origin, repository, next } = await pinned();
  const first = await next(origin.head(), 'first');
  await repository.push({ commit: first, branch: BRANCH });
  git(origin.clone, ['fetch', '--quiet', 'origin', BRANCH]);
  git(origin.clone, ['checkout', '--quiet', 'FETCH_HEAD']);
  const persons = origin.commit({ 'person.txt': 'p' }, 'by hand', BRANCH);
  expect(await repository.push({ commit: await next(first, 'second'), branch: BRANCH })).toEqual({ kind: 'moved', remote: persons });
  expect(origin.branch(BRANCH)).toBe(persons);
  expect(await repository.fetchBranch({ run: 'r1', branch: BRANCH })).toBe(persons);
  expect(await repository.isAncestor(first, persons)).toBe(true);
  expect((await repository.commitsBetween(first, persons)).map(({ author, subject }) => [author, subject])).toEqual([
    ['Ada Person', 'by hand'],
  ]);
  const on = await next(persons, 'on top');
  expect(await repository.push({ commit: on, branch: BRANCH })).toEqual({ kind: 'pushed' });
});

test('a branch that a person rewrote is moved, not forced', async () => {
  const { origin, repository, next } = await pinned();
  const first = await next(origin.head(), 'first');
  await repository.push({ commit: first, branch: BRANCH });
  const persons = origin.commit({ 'a.txt': 'rewritten' }, 'instead', 'other');
  git(origin.clone, ['push', '--quiet', '--force', 'origin', `${persons}:refs/heads/${BRANCH}`]);
  expect(await repository.push({ commit: await next(first, 'second'), branch: BRANCH })).toEqual({ kind: 'moved', remote: persons });
});

test('a person who pushes between the look and the push wins', async () => {
  const { origin, repository, next } = await pinned();
  const first = await next(origin.head(), 'first');
  await repository.push({ commit: first, branch: BRANCH });
  const persons = origin.commit({ 'p.txt': 'p' }, 'by hand', 'elsewhere');
  // The server moves the branch while it receives our push.
  const hook = `#!/bin/sh\nunset GIT_QUARANTINE_PATH\ngit update-ref refs/heads/${BRANCH} ${persons}\n`;
  writeFileSync(join(origin.bare, 'hooks/pre-receive'), hook, { mode: 0o755 });
  expect(await repository.push({ commit: await next(first, 'second'), branch: BRANCH })).toEqual({ kind: 'moved', remote: persons });
  expect(origin.branch(BRANCH)).toBe(persons);
});

test('what the server refuses is told in its own words', async () => {
  const { origin, repository, next } = await pinned();
  const words = 'refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission';
  writeFileSync(join(origin.bare, 'hooks/pre-receive'), `#!/bin/sh\necho '${words}' >&2\nexit 1\n`, { mode: 0o755 });
  const result = await repository.push({ commit: await next(origin.head(), 'first'), branch: BRANCH });
  expect(result).toMatchObject({ kind: 'refused', reason: expect.stringContaining(words) });
  expect(origin.branch(BRANCH)).toBe('');
});

test('a branch name that git does not hold is refused', async () => {
  const { origin, repository } = await pinned();
  await expect(repository.push({ commit: origin.head(), branch: 'a..b' })).rejects.toThrow('`a..b` cannot be the name of a branch');
  await expect(repository.remoteHead('a b:c')).rejects.toThrow('cannot be the name of a branch');
});

test('what stands in the way of a push is asked right before it; a branch can be taken away all the same', async () => {
  let off = false;
  const mayPush = (): void => {
    if (off) throw new Suspended('switched-off', 'off');
  };
  const { origin, repository, next } = await pinned({ mayPush });
  const first = await next(origin.head(), 'first');
  await repository.push({ commit: first, branch: BRANCH });
  off = true;
  await expect(repository.push({ commit: await next(first, 'second'), branch: BRANCH })).rejects.toMatchObject({ reason: 'switched-off' });
  expect(origin.branch(BRANCH)).toBe(first);
  expect(await repository.deleteBranch({ branch: BRANCH, commit: first })).toEqual({ kind: 'deleted' });
});
