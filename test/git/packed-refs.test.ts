import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeOver } from '../../src/git/stale.ts';
import { Origin, git, scratch } from './origin.ts';

/** A mirror with one commit and one on top of it. */
async function mirror() {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const repository = await origin.mirror({ directory });
  const commit = origin.head();
  const { tree } = await repository.pin({ run: 'r1', commit });
  const next = await repository.commit({ message: 'next\n', parents: [commit], tree, date: '2026-11-20T00:00:00Z' });
  const refs = (): readonly string[] => git(directory, ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads']).split('\n');
  return { directory, repository, commit, next, refs };
}

describe('many refs in one file', () => {
  it('is what git reads, and nothing else', async () => {
    const { directory, repository, commit, next, refs } = await mirror();
    await repository.setRefs([
      { ref: 'converge-shards/r1/s2', commit: next },
      { ref: 'converge-shards/r1/s10', commit },
    ]);
    expect(refs()).toEqual([`${commit} refs/heads/converge-shards/r1/s10`, `${next} refs/heads/converge-shards/r1/s2`]);
    expect(existsSync(join(directory, 'refs/heads/converge-shards/r1/s2'))).toBe(false);
    expect(existsSync(join(directory, 'packed-refs.lock'))).toBe(false);
    git(directory, ['fsck', '--strict', '--no-dangling']);
    git(directory, ['update-ref', '-d', 'refs/heads/converge-shards/r1/s10']);
    expect(refs()).toEqual([`${next} refs/heads/converge-shards/r1/s2`]);
  });

  it('keeps what git packed before, tags with what they name too, and replaces what is loose', async () => {
    const { directory, repository, commit, next, refs } = await mirror();
    git(directory, ['-c', 'user.name=a', '-c', 'user.email=a@b', 'tag', '-a', '-m', 'one', 'v1', commit]);
    git(directory, ['branch', 'old', commit]);
    git(directory, ['pack-refs', '--all']);
    await repository.setRef('converge-shards/r1/s1', commit);
    await repository.setRefs([{ ref: 'converge-shards/r1/s1', commit: next }]);
    expect(refs()).toEqual([`${next} refs/heads/converge-shards/r1/s1`, `${commit} refs/heads/old`]);
    expect(git(directory, ['rev-parse', 'v1^{commit}'])).toBe(commit);
    const packed = readFileSync(join(directory, 'packed-refs'), 'utf8');
    git(directory, ['pack-refs', '--all']);
    expect(readFileSync(join(directory, 'packed-refs'), 'utf8')).toBe(packed);
  });

  it('is there again after a kill, also of git while it deleted one', async () => {
    const { directory, repository, commit, refs } = await mirror();
    await repository.setRefs([{ ref: 'converge-shards/r1/s1', commit }]);
    await repository.setRef('packed-refs.new', commit);
    await repository.close();
    for (const name of ['packed-refs.new', 'packed-refs.lock']) writeFileSync(join(directory, name), '');
    writeFileSync(join(directory, 'converge-owner'), '');
    await takeOver(directory);
    git(directory, ['update-ref', '-d', 'refs/heads/converge-shards/r1/s1']);
    expect(refs()).toEqual([`${commit} refs/heads/packed-refs.new`]);
  });

  it('is left to git where another packs', async () => {
    const { directory, repository, commit, refs } = await mirror();
    writeFileSync(join(directory, 'packed-refs.lock'), '');
    await repository.setRefs([{ ref: 'converge-shards/r1/s1', commit }]);
    expect(readFileSync(join(directory, 'packed-refs.lock'), 'utf8')).toBe('');
    expect(refs()).toEqual([`${commit} refs/heads/converge-shards/r1/s1`]);
  });

  it.each([
    ['a file of another kind', '# pack-refs with: peeled \n', true],
    ['lines that are not known', '# pack-refs with: peeled fully-peeled sorted \nx\n', false],
  ])('is left to git before %s', async (_name, text, isRead) => {
    const { directory, repository, commit } = await mirror();
    writeFileSync(join(directory, 'packed-refs'), text);
    const set = repository.setRefs([{ ref: 'converge-shards/r1/s1', commit }]);
    if (isRead) await set;
    else await expect(set).rejects.toThrow('git update-ref failed');
    expect(readFileSync(join(directory, 'packed-refs'), 'utf8')).toBe(text);
    if (isRead) expect(git(directory, ['rev-parse', 'converge-shards/r1/s1'])).toBe(commit);
  });

  it.each([
    ['loose', false],
    ['packed', true],
  ])('never makes a name a folder and a ref, where the other is %s', async (_name, packed) => {
    const { directory, repository, commit, refs } = await mirror();
    git(directory, ['branch', 'a/b', commit]);
    if (packed) git(directory, ['pack-refs', '--all']);
    const before = refs();
    await expect(repository.setRefs([{ ref: 'a', commit }])).rejects.toThrow('git update-ref failed');
    await expect(repository.setRefs([{ ref: 'a/b/c', commit }])).rejects.toThrow('git update-ref failed');
    expect(refs()).toEqual(before);
  });
});
