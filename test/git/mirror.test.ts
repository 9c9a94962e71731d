import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { changeId } from '../../src/git/change-id.ts';
import { openRepository } from '../../src/git/mirror.ts';
import { ObjectWriter } from '../../src/git/object-writer.ts';
import { requireGit } from '../../src/git/spawn.ts';
import { BOT, Origin, git, scratch, serve } from './origin.ts';

test('D1 D3 a pinned commit has its blobs, is held by a ref of the run, and is let go', async () => {
  const origin = new Origin({ 'a.txt': 'a', 'old.txt': 'old' });
  origin.commit({ 'a.txt': 'b' }, 'second');
  const directory = join(scratch(), 'mirror.git');
  const repository = await origin.mirror({ directory });
  const pinned = await repository.pin({ run: 'run-1', commit: origin.head() });
  expect(pinned).toEqual({ commit: origin.head(), tree: git(origin.clone, ['rev-parse', 'HEAD^{tree}']) });
  expect(
    git(directory, ['rev-list', '--objects', '--all', '--missing=print'])
      .split('\n')
      .filter((line) => line.startsWith('?')),
  ).toEqual([]);
  expect(git(directory, ['rev-list', '--count', '--all'])).toBe('1');
  await repository.setRef('converge-shards/run-1/s1', origin.head());
  await repository.setRef('converge-shards/run-2/s1', origin.head());
  expect(await repository.resolve('converge-shards/run-1/s1')).toBe(origin.head());
  await repository.release('run-1');
  expect(await repository.resolve('converge-shards/run-1/s1')).toBeNull();
  expect(git(directory, ['for-each-ref', '--format=%(refname)'])).toBe('refs/heads/converge-shards/run-2/s1');
});

test('many refs are set at once, all or none', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const repository = await origin.mirror();
  const commit = origin.head();
  const { tree } = await repository.pin({ run: 'r1', commit });
  const next = await repository.commit({ message: 'next\n', parents: [commit], tree, date: '2026-11-20T00:00:00Z' });
  await repository.setRefs([]);
  await repository.setRefs([
    { ref: 'converge-shards/r1/s1', commit },
    { ref: 'converge-shards/r1/s2', commit: next },
  ]);
  await repository.setRefs([{ ref: 'converge-shards/r1/s1', commit: next }]);
  expect(await repository.resolve('converge-shards/r1/s1')).toBe(next);
  expect(await repository.resolve('converge-shards/r1/s2')).toBe(next);
  const missing = repository.setRefs([
    { ref: 'converge-shards/r1/s1', commit },
    { ref: 'converge-shards/r1/s3', commit: '1'.repeat(40) },
  ]);
  await expect(missing).rejects.toThrow('git update-ref failed');
  expect(await repository.resolve('converge-shards/r1/s1')).toBe(next);
});

test('two pins at once, and the second run finds what the first fetched', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const first = origin.head();
  const second = origin.commit({ 'a.txt': 'b' }, 'second');
  const repository = await origin.mirror();
  const pins = await Promise.all([
    repository.pin({ run: 'r1', commit: first }),
    repository.pin({ run: 'r2', commit: second }),
    repository.pin({ run: 'r3', commit: second }),
  ]);
  expect(pins.map((pin) => pin.commit)).toEqual([first, second, second]);
  expect(await repository.isAncestor(first, second)).toBe(true);
  expect(await repository.isAncestor(second, first)).toBe(false);
});

test('history that was cut off is fetched when a question needs it', async () => {
  const origin = new Origin({ 'a.txt': '0' });
  const first = origin.head();
  const commits = [1, 2, 3].map((number) => origin.commit({ 'a.txt': String(number) }, `commit ${number}`));
  const repository = await origin.mirror();
  await repository.pin({ run: 'r2', commit: commits[2] ?? '' });
  await repository.pin({ run: 'r1', commit: first });
  expect(await repository.isAncestor(first, commits[2] ?? '')).toBe(true);
  expect((await repository.commitsBetween(first, commits[2] ?? '')).map(({ subject, email }) => [subject, email])).toEqual([
    ['commit 1', 'ada@example.com'],
    ['commit 2', 'ada@example.com'],
    ['commit 3', 'ada@example.com'],
  ]);
});

test('a commit that is nowhere is told as such', async () => {
  const repository = await new Origin({ 'a.txt': 'a' }).mirror();
  await expect(repository.pin({ run: 'r1', commit: '1'.repeat(40) })).rejects.toThrow(/not in the repository any more/u);
  await expect(repository.treeOf('2'.repeat(40))).rejects.toThrow(/is not in the mirror/u);
  await expect(repository.pin({ run: '../x', commit: '1'.repeat(40) })).rejects.toThrow("A run's id");
  await expect(repository.pin({ run: 'r1', commit: '--upload-pack=x' })).rejects.toThrow('40 hex digits');
});

test('commits have the ids that git commit-tree gives, on every machine', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const mirrors = [await origin.mirror(), await origin.mirror()];
  const { tree } = await (mirrors[0] ?? (await origin.mirror())).pin({ run: 'r1', commit: origin.head() });
  const message = 'Migrate 3 files\n\nCäse by case.\n\nCo-authored-by: Ada <ada@example.com>\n';
  const spec = { message, parents: [origin.head()], tree, date: '2026-11-20T10:11:12.345Z' };
  const ids = await Promise.all(
    mirrors.map(async (mirror) => {
      await mirror.pin({ run: 'r1', commit: origin.head() });
      return mirror.commit(spec);
    }),
  );
  const env = {
    GIT_AUTHOR_NAME: BOT.name,
    GIT_AUTHOR_EMAIL: BOT.email,
    GIT_COMMITTER_NAME: BOT.name,
    GIT_COMMITTER_EMAIL: BOT.email,
    GIT_AUTHOR_DATE: '2026-11-20T10:11:12Z',
    GIT_COMMITTER_DATE: '2026-11-20T10:11:12Z',
  };
  const expected = git(origin.clone, ['commit-tree', tree, '-p', origin.head()], { input: message, env });
  expect(ids).toEqual([expected, expected]);
  expect(await mirrors[0]?.treeOf(expected)).toBe(tree);
});

test('a diff tells renames, binaries, modes, missing newlines and odd names exactly', async () => {
  const body = Array.from({ length: 30 }, (_, index) => `line ${index}\n`).join('');
  const origin = new Origin({
    'kept.txt': 'x\n',
    'moved.txt': body,
    'edit.txt': `${body}end`,
    'bin.dat': Buffer.from([0, 1]),
    'mode.sh': 'echo\n',
    'gone "q".txt': 'g\n',
    'minus.txt': '-- a\n++ b\n@@ -1 +1 @@\n',
  });
  const from = git(origin.clone, ['rev-parse', 'HEAD^{tree}']);
  git(origin.clone, ['mv', 'moved.txt', 'new name\ttab.txt']);
  git(origin.clone, ['rm', '--quiet', 'gone "q".txt']);
  git(origin.clone, ['update-index', '--chmod=+x', 'mode.sh']);
  git(origin.clone, ['config', 'core.fileMode', 'false']);
  origin.commit(
    {
      'edit.txt': `${body.replace('line 3\n', 'line three\nand more\n')}end\n`,
      'bin.dat': Buffer.from([0, 2]),
      'é.txt': 'new\n',
      'minus.txt': '++ b\n@@ -1 +1 @@\ndiff --git a/x b/x\n',
    },
    'second',
  );
  const to = git(origin.clone, ['rev-parse', 'HEAD^{tree}']);
  const repository = await origin.mirror();
  await repository.fetchBranch({ run: 'r1', branch: 'main' });
  const files = await repository.diff(from, to);
  expect(files.map(({ path, oldPath, status, binary, added, removed }) => [path, oldPath, status, binary, added, removed])).toEqual([
    ['bin.dat', null, 'modified', true, 0, 0],
    ['edit.txt', null, 'modified', false, 3, 2],
    ['gone "q".txt', null, 'deleted', false, 0, 1],
    ['minus.txt', null, 'modified', false, 1, 1],
    ['mode.sh', null, 'modified', false, 0, 0],
    ['new name\ttab.txt', 'moved.txt', 'renamed', false, 0, 0],
    ['é.txt', null, 'added', false, 1, 0],
  ]);
  const edit = files.find((file) => file.path === 'edit.txt');
  expect(edit?.hunks.map(({ oldStart, oldLines, newStart, newLines }) => [oldStart, oldLines, newStart, newLines])).toEqual([
    [1, 7, 1, 8],
    [28, 4, 29, 4],
  ]);
  expect(edit?.hunks[0]?.lines.slice(2, 6)).toEqual([
    { kind: 'context', old: 3, new: 3, text: 'line 2' },
    { kind: 'removed', old: 4, new: null, text: 'line 3' },
    { kind: 'added', old: null, new: 4, text: 'line three' },
    { kind: 'added', old: null, new: 5, text: 'and more' },
  ]);
  expect(edit?.hunks[1]?.lines.slice(-2)).toEqual([
    { kind: 'removed', old: 31, new: null, text: 'end' },
    { kind: 'added', old: null, new: 32, text: 'end' },
  ]);
  expect(edit?.text).toContain('\\ No newline at end of file');
  expect(files.find((file) => file.path === 'mode.sh')?.text).toContain('new mode 100755');
  expect(await repository.diff(to, to)).toEqual([]);
  expect(files.map((file) => file.text.split('\n')[0]?.startsWith('diff --git '))).toEqual(files.map(() => true));
});

test('trees are merged in three ways, or the conflicting paths are named', async () => {
  const lines = (first: string, last: string): string => `${first}\n1\n2\n3\n4\n5\n6\n${last}\n`;
  const origin = new Origin({ 'a.txt': lines('a', 'z'), 'b.txt': 'b\n' });
  const repository = await origin.mirror();
  const { tree: base } = await repository.pin({ run: 'r1', commit: origin.head() });
  const edit = async (path: string, text: string): Promise<string> =>
    repository.layer(base, [[{ path, mode: '100644', content: { utf8: text } }]]);
  const [top, bottom, other] = [
    await edit('a.txt', lines('A', 'z')),
    await edit('a.txt', lines('a', 'Z')),
    await edit('a.txt', lines('B', 'z')),
  ];
  const merged = await repository.merge({ base, ours: top, theirs: bottom });
  expect(merged).toEqual({ kind: 'tree', tree: await edit('a.txt', lines('A', 'Z')) });
  expect(await repository.merge({ base, ours: top, theirs: other })).toEqual({ kind: 'conflict', paths: ['a.txt'] });
});

test('a file tree is written with its modes, without its links', async () => {
  const origin = new Origin({ 'a/b.txt': 'b\r\n', 'run.sh': '#!/bin/sh\n' });
  git(origin.clone, ['update-index', '--chmod=+x', 'run.sh']);
  const link = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: '/etc' });
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `120000,${link},link`]);
  git(origin.clone, ['commit', '--quiet', '-m', 'link']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
  const repository = await origin.mirror();
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const directory = scratch();
  await repository.materialise(tree, directory);
  expect(readdirSync(directory).sort()).toEqual(['a', 'run.sh']);
  expect(readFileSync(join(directory, 'a/b.txt'), 'utf8')).toBe('b\r\n');
  expect(statSync(join(directory, 'run.sh')).mode & 0o111).toBe(0o111);
  expect(statSync(join(directory, 'a/b.txt')).mode & 0o111).toBe(0);
});

test('what a killed process left is no hindrance', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const first = await origin.mirror({ directory });
  await first.pin({ run: 'r1', commit: origin.head() });
  await first.close();
  writeFileSync(join(directory, 'converge-owner'), '999999999-1');
  const left = [
    'shallow.lock',
    'config.lock',
    'packed-refs.lock',
    'refs/converge/r1/base.lock',
    'objects/tmp_obj_x',
    'objects/pack/tmp_pack_x',
  ];
  for (const path of left) writeFileSync(join(directory, path), '');
  mkdirSync(join(directory, 'objects/incoming-x'));
  const again = await origin.mirror({ directory });
  for (const path of left) expect(existsSync(join(directory, path)), path).toBe(false);
  const next = origin.commit({ 'a.txt': 'b' }, 'second');
  expect((await again.pin({ run: 'r1', commit: next })).commit).toBe(next);
});

test('objects that a loss of power spoilt are removed, and can be written again', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const first = await origin.mirror({ directory });
  const { tree } = await first.pin({ run: 'r1', commit: origin.head() });
  const edits = [{ path: 'b.txt', mode: '100644' as const, content: { utf8: 'b' } }];
  const layered = await first.layer(tree, [edits]);
  await first.close();
  const object = join(directory, 'objects', layered.slice(0, 2), layered.slice(2));
  rmSync(object);
  writeFileSync(object, '');
  writeFileSync(join(directory, 'converge-owner'), '999999999-1');
  const again = await origin.mirror({ directory });
  expect(existsSync(object)).toBe(false);
  expect(await again.layer(tree, [edits])).toBe(layered);
  expect(await again.workspace(layered).list()).toEqual(['a.txt', 'b.txt']);
});

test('after a loss of power, what is there is there with all that it names, and shard branches that lost theirs hinder nothing', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const first = await origin.mirror({ directory });
  const { tree } = await first.pin({ run: 'r1', commit: origin.head() });
  const edits = [{ path: 'b.txt', mode: '100644' as const, content: { utf8: 'b' } }];
  const spec = { message: 'm', parents: [origin.head()], tree: await first.layer(tree, [edits]), date: '2026-11-20T00:00:00Z' };
  const commit = await first.commit(spec);
  await first.setRef('converge-shards/r1/s1', commit);
  await first.close();
  const blob = git(directory, ['rev-parse', `${commit}:b.txt`]);
  const object = join(directory, 'objects', blob.slice(0, 2), blob.slice(2));
  rmSync(object);
  writeFileSync(object, '');
  mkdirSync(join(directory, 'refs/heads/converge-shards/r1'), { recursive: true });
  writeFileSync(join(directory, 'refs/heads/converge-shards/r1/s2'), '');
  writeFileSync(join(directory, 'converge-owner'), '999999999-1');
  const again = await origin.mirror({ directory });
  expect(await again.has(commit)).toBe(false);
  expect(await again.has(origin.head())).toBe(true);
  const next = origin.commit({ 'c.txt': 'c' }, 'second');
  expect(await again.fetchBranch({ run: 'r1', branch: 'main' })).toBe(next);
  expect(await again.resolve('converge-shards/r1/s1')).toBeNull();
  expect(await again.layer(tree, [edits])).toBe(spec.tree);
  expect(await again.commit(spec)).toBe(commit);
  expect(git(directory, ['cat-file', '-p', `${commit}:b.txt`])).toBe('b');
  expect(await again.push({ commit, branch: 'converge/r1' })).toEqual({ kind: 'pushed' });
});

test('after a loss of power, a pack that names loose objects which it lost is gone as well, and what was fetched stays', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const first = await origin.mirror({ directory });
  const { tree } = await first.pin({ run: 'r1', commit: origin.head() });
  const few = [{ path: 'b.txt', mode: '100644' as const, content: { utf8: 'b' } }];
  const many = Array.from({ length: 100 }, (_, n) => ({ path: `c/${n}.txt`, mode: '100644' as const, content: { utf8: `c ${n}` } }));
  const loose = await first.layer(tree, [few]);
  const packed = await first.layer(loose, [many]);
  await first.close();
  const blob = git(directory, ['rev-parse', `${packed}:b.txt`]);
  const object = join(directory, 'objects', blob.slice(0, 2), blob.slice(2));
  expect(existsSync(join(directory, 'objects', packed.slice(0, 2), packed.slice(2)))).toBe(false);
  rmSync(object);
  writeFileSync(object, '');
  writeFileSync(join(directory, 'converge-owner'), '999999999-1');
  const again = await origin.mirror({ directory });
  expect(await again.has(packed)).toBe(false);
  expect(await again.has(origin.head())).toBe(true);
  expect(await again.layer(await again.layer(tree, [few]), [many])).toBe(packed);
  expect(git(directory, ['cat-file', '-p', `${packed}:b.txt`])).toBe('b');
});

test('a git that a signal ended is worth another try, whatever it had said', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const bin = scratch();
  // Lives as git does until it is asked for one of these; `grep` says what git says of a bad pattern before it dies.
  const script = `#!/bin/sh
case " $* " in
  *' diff-tree '*|*' fetch '*|*' push '*|*' merge-base '*) kill -TERM $$ ;;
  *' grep '*) echo 'fatal: command line: bad' >&2; kill -INT $$ ;;
esac
exec /usr/bin/env PATH=/usr/local/bin:/usr/bin:/bin git "$@"
`;
  writeFileSync(join(bin, 'git'), script, { mode: 0o755 });
  const directory = join(scratch(), 'mirror.git');
  const whole = await origin.mirror({ directory });
  const { commit, tree } = await whole.pin({ run: 'r1', commit: origin.head() });
  const dying = await openRepository({
    directory,
    remote: { url: origin.bare, token: async () => undefined },
    bot: BOT,
    searchPath: `${bin}:/usr/bin:/bin`,
  });
  onTestFinished(async () => dying.close());
  const next = origin.commit({ 'a.txt': 'b' }, 'second');
  const asked = [
    dying.diff(tree, tree),
    dying.workspace(tree).grep('a'),
    dying.isAncestor(commit, commit),
    dying.pin({ run: 'r1', commit: next }),
    dying.push({ commit, branch: 'converge/r1' }),
  ];
  for (const end of await Promise.allSettled(asked)) {
    expect(end).toMatchObject({ status: 'rejected', reason: { kind: 'git', retry: 'later' } });
    expect(end).toHaveProperty('reason.message', expect.stringMatching(/ended by (?:SIGTERM|SIGINT|a signal)/u));
  }
});

test('many diffs at once: each gets its own, and what git dies over or does not have harms no other', async () => {
  const origin = new Origin({ 'a.txt': 'a\n' });
  const directory = join(scratch(), 'mirror.git');
  const mirror = await origin.mirror({ directory });
  const { tree } = await mirror.pin({ run: 'r1', commit: origin.head() });
  const withText = (text: string): Promise<string> => mirror.layer(tree, [[{ path: 'b.txt', mode: '100644', content: { utf8: text } }]]);
  const trees = await Promise.all(Array.from({ length: 40 }, async (_, at) => withText('line\n'.repeat(at + 1))));
  const lost = await withText('lost');
  const blob = git(directory, ['rev-parse', `${lost}:b.txt`]);
  rmSync(join(directory, 'objects', blob.slice(0, 2), blob.slice(2)));
  const absent = '1'.repeat(40);

  const [dead, missing, ...all] = await Promise.allSettled([lost, absent, ...trees].map(async (to) => mirror.diff(tree, to)));

  expect(dead).toMatchObject({ status: 'rejected', reason: { kind: 'git', retry: 'later' } });
  expect(dead).toHaveProperty('reason.message', expect.stringContaining('diff-tree failed'));
  expect(missing).toHaveProperty('reason.message', expect.stringContaining(`${absent} is not in the mirror`));
  for (const [at, one] of all.entries()) expect(one).toMatchObject({ status: 'fulfilled', value: [{ path: 'b.txt', added: at + 1 }] });
  await mirror.close();
  await expect(mirror.diff(tree, tree)).rejects.toThrow('The mirror is closed');
});

test('many objects at once are one pack that git finds nothing wrong with, few are loose; what is there is not written again', async () => {
  const origin = new Origin({ 'a.txt': 'a', 'd/e/f.txt': 'f' });
  const directory = join(scratch(), 'mirror.git');
  const mirror = await origin.mirror({ directory });
  const { commit, tree } = await mirror.pin({ run: 'r1', commit: origin.head() });
  const packs = (): readonly string[] => readdirSync(join(directory, 'objects/pack')).filter((name) => name.endsWith('.pack'));
  const fetched = packs();
  // Sizes whose lengths take one to four bytes, and content that does not compress.
  const sizes = [0, 1, 15, 16, 127, 2047, 2048, 70_000, 300_000, 1_100_000];
  const edits = sizes.map((size, at) => ({
    path: `d/${at}.bin`,
    mode: '100644' as const,
    content: {
      base64: Buffer.from(Array.from({ length: size }, (_, byte) => (byte * (at + 7) * 2_654_435_761) >>> 13)).toString('base64'),
    },
  }));
  const many = Array.from({ length: 40 }, (_, at) => [
    { path: `d/e/${at}.txt`, mode: '100755' as const, content: { utf8: 'line\n'.repeat(at) } },
    ...edits,
  ]);
  const trees = await Promise.all(many.map(async (overlay) => mirror.layer(tree, [overlay])));
  expect(packs()).toHaveLength(fetched.length + 1);
  const loose = (): readonly string[] => readdirSync(join(directory, 'objects')).filter((name) => /^[0-9a-f]{2}$/u.test(name));
  expect(loose()).toEqual([]);
  for (const [at, one] of trees.entries()) {
    expect(git(directory, ['cat-file', 'blob', `${one}:d/e/${at}.txt`])).toBe('line\n'.repeat(at).trim());
    for (const [index, size] of sizes.entries()) expect(git(directory, ['cat-file', '-s', `${one}:d/${index}.bin`])).toBe(String(size));
  }

  const again = await mirror.layer(tree, [many[1] ?? []]);
  expect(again).toBe(trees[1]);
  expect(loose()).toEqual([]);
  const tips = await mirror.chain(
    { commit, tree },
    many.map((overlay, at) => ({ overlays: [overlay], message: `Link ${at}\n`, date: '2026-11-20T00:00:00Z' })),
  );
  expect(packs()).toHaveLength(fetched.length + 2);
  const last = tips.at(-1);
  expect(tips[0]?.tree).toBe(trees[0]);
  expect(git(directory, ['rev-parse', `${last?.commit}^{tree}`])).toBe(last?.tree);
  expect(git(directory, ['rev-list', '--count', last?.commit ?? ''])).toBe('41');
  expect(last?.tree).toBe(await mirror.layer(tree, many));
  git(directory, ['fsck', '--strict', '--full']);
  expect(await mirror.diff(tree, trees[0] ?? '')).toHaveLength(1 + sizes.length);
});

test('what could not be written is told to all that stand on it, and can be written again', async () => {
  const origin = new Origin({ 'd/a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  const mirror = await origin.mirror({ directory });
  const { tree } = await mirror.pin({ run: 'r1', commit: origin.head() });
  const overlay = (at: number) => [{ path: `d/${at}.txt`, mode: '100644' as const, content: { utf8: `${at}` } }];
  const layers = (): Promise<PromiseSettledResult<string>[]> =>
    Promise.allSettled(Array.from({ length: 40 }, async (_, at) => mirror.layer(tree, [overlay(at)])));
  const pack = join(directory, 'objects/pack');
  renameSync(pack, `${pack}-away`);
  writeFileSync(pack, 'a file where the directory was');
  for (const end of await layers()) {
    expect(end).toMatchObject({ status: 'rejected', reason: { kind: 'git', retry: 'later' } });
    expect(end).toHaveProperty('reason.message', expect.stringContaining('The mirror cannot be written'));
  }
  const elsewhere = await origin.mirror();
  await elsewhere.pin({ run: 'r1', commit: origin.head() });
  const lost = await elsewhere.layer(tree, [overlay(3)]);
  await expect(mirror.workspace(lost).list()).rejects.toThrow(`The tree ${lost} is not in the mirror`);
  rmSync(pack);
  renameSync(`${pack}-away`, pack);
  for (const [at, end] of (await layers()).entries()) {
    if (end.status === 'rejected') throw end.reason;
    expect(git(directory, ['cat-file', 'blob', `${end.value}:d/${at}.txt`])).toBe(`${at}`);
  }
  git(directory, ['fsck', '--strict', '--full']);
});

test('a writing that began before something was lost does not end well, whatever of its own was written', async () => {
  const objects = join(scratch(), 'objects');
  const body = Buffer.from('a');
  let lost = 0;
  const writer = new ObjectWriter(objects, () => (lost += 1));
  writeFileSync(objects, 'a file where the directory should be');
  const [early, failing] = [writer.begin(), writer.begin()];
  const id = failing.add('blob', body);
  await expect(failing.settled()).rejects.toThrow('The mirror cannot be written');
  expect(lost).toBe(1);
  rmSync(objects);
  early.add('blob', Buffer.from('b'));
  await expect(early.settled()).rejects.toMatchObject({ kind: 'git', retry: 'later' });
  const late = writer.begin();
  expect(late.add('blob', body)).toBe(id);
  await late.settled();
  expect(existsSync(join(objects, id.slice(0, 2), id.slice(2)))).toBe(true);
});

test('a second opening by the same process leaves live locks alone', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const directory = join(scratch(), 'mirror.git');
  await origin.mirror({ directory });
  writeFileSync(join(directory, 'shallow.lock'), '');
  await origin.mirror({ directory });
  expect(existsSync(join(directory, 'shallow.lock'))).toBe(true);
});

test('missing git is told with what to do', async () => {
  const empty = scratch();
  await expect(requireGit(empty)).rejects.toThrow(/`git` was not found on PATH\. Install git 2\.38 or newer/u);
  const opening = openRepository({
    directory: join(empty, 'm'),
    remote: { url: '/x', token: async () => undefined },
    bot: BOT,
    searchPath: empty,
  });
  await expect(opening).rejects.toMatchObject({ kind: 'git' });
});

test('an old git is told with what to do', async () => {
  const bin = scratch();
  writeFileSync(join(bin, 'git'), '#!/bin/sh\necho git version 2.30.2\n', { mode: 0o755 });
  await expect(requireGit(bin)).rejects.toThrow('git 2.30.2 was found, but Converge needs git 2.38 or newer');
});

test('a directory that cannot be used is told with what to do', async () => {
  const file = join(scratch(), 'file');
  writeFileSync(file, '');
  const opening = openRepository({ directory: join(file, 'm'), remote: { url: '/x', token: async () => undefined }, bot: BOT });
  await expect(opening).rejects.toMatchObject({
    kind: 'git',
    message: expect.stringMatching(/mirror's directory cannot be used.*Make it writable/u),
  });
});

test('a commit whose tree would write into git itself is not taken', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const blob = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: 'x' });
  const tree = git(origin.clone, ['mktree'], { input: `100644 blob ${blob}\tconfig\n` });
  const evil = git(origin.clone, ['mktree'], { input: `040000 tree ${tree}\t.git\n` });
  const commit = git(origin.clone, ['commit-tree', evil, '-m', 'evil']);
  git(origin.clone, ['push', '--quiet', 'origin', `${commit}:refs/heads/evil`]);
  const repository = await origin.mirror();
  await expect(repository.pin({ run: 'r1', commit })).rejects.toMatchObject({ kind: 'git', detail: expect.stringContaining('hasDotgit') });
});

test('a redirect is not followed: the token stays with its origin', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const other = await serve(origin, 'secret-token');
  const server = createServer((request, response) => {
    response
      .writeHead(302, { location: other.url.replace('/origin.git', `/origin.git${(request.url ?? '').replace(/^\/origin\.git/u, '')}`) })
      .end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/origin.git`;
  const repository = await origin.mirror({ url, token: 'secret-token' });
  await expect(repository.remoteHead('main')).rejects.toMatchObject({ kind: 'git' });
  expect(other.requests).toEqual([]);
});

test('an address with credentials, or of another kind, is refused', async () => {
  const open = async (url: string): Promise<unknown> =>
    openRepository({ directory: join(scratch(), 'm'), remote: { url, token: async () => undefined }, bot: BOT });
  await expect(open('https://x-access-token:secret@127.0.0.1/o/r.git')).rejects.toThrow('holds credentials');
  await expect(open('git@127.0.0.1:o/r.git')).rejects.toThrow('must be an https or http URL or an absolute path');
  await expect(open('ext::sh -c id')).rejects.toThrow('must be an https or http URL');
});

test('over HTTP the token goes to the server and into no file', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const { url, requests } = await serve(origin, 'secret-token');
  const directory = join(scratch(), 'mirror.git');
  const repository = await origin.mirror({ directory, url, token: 'secret-token' });
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const commit = await repository.commit({ message: 'm\n', parents: [origin.head()], tree, date: '2026-11-20T00:00:00Z' });
  expect(await repository.push({ commit, branch: 'converge/r1' })).toEqual({ kind: 'pushed' });
  expect(origin.branch('converge/r1')).toBe(commit);
  expect(requests.some((request) => request.includes('git-receive-pack'))).toBe(true);
  const encoded = Buffer.from('x-access-token:secret-token').toString('base64');
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = readFileSync(join(entry.parentPath, entry.name));
    expect(bytes.includes('secret-token') || bytes.includes(encoded), entry.name).toBe(false);
  }
});

test('a refused token is told without the token', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const { url } = await serve(origin, 'right');
  const repository = await origin.mirror({ url, token: 'wrong-token' });
  const told = await repository.remoteHead('main').catch((error: unknown) => error);
  expect(told).toMatchObject({ kind: 'git', message: expect.stringContaining("refused the App's token") });
  expect(JSON.stringify(told) + String(told)).not.toContain('wrong-token');
});

test('a server that is down is worth another try', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const repository = await origin.mirror({ url: 'http://127.0.0.1:9/o/r.git' });
  await expect(repository.remoteHead('main')).rejects.toMatchObject({ kind: 'git', retry: 'later' });
});

test('a change has one id for the same work, whatever the order of its edits', () => {
  const edits = [
    { path: 'a', deleted: true as const },
    { path: 'b', mode: '100644' as const, content: { utf8: 'x' } },
  ];
  const content = { shard: 's', baseTree: 't', on: ['c1'], overlay: edits };
  const id = changeId(content);
  expect(id).toMatch(/^[0-9a-f]{16}$/u);
  expect(changeId({ ...content, overlay: edits.toReversed() })).toBe(id);
  const others = [
    { ...content, shard: 's2' },
    { ...content, baseTree: 't2' },
    { ...content, on: [] },
    { ...content, overlay: edits.slice(1) },
  ];
  expect(new Set([id, ...others.map((other) => changeId(other))]).size).toBe(5);
});

test('without a free file descriptor no git starts: that is told, is worth another try, and ends nothing', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  const place = { directory: origin.bare, searchPath: '/usr/local/bin:/usr/bin:/bin' };
  const program = join(scratch(), 'hungry.mjs');
  const [catFile, spawning] = ['cat-file', 'spawn'].map((name) => new URL(`../../src/git/${name}.ts`, import.meta.url).href);
  const script = `
    import { closeSync, openSync } from 'node:fs';
    import { CatFile } from ${JSON.stringify(catFile)};
    import { plumbing } from ${JSON.stringify(spawning)};
    const place = ${JSON.stringify(place)};
    const objects = new CatFile(place);
    const told = (asked) => asked.then(() => 'answered', ({ kind, retry, message }) => [kind, retry, message].join(' '));
    const all = () => Promise.all([objects.read('${origin.head()}'), objects.read('${'1'.repeat(40)}'), plumbing(place, ['--version'])].map(told));
    const held = [];
    try {
      for (;;) held.push(openSync('/dev/null'));
    } catch {}
    const without = await all();
    await objects.close();
    held.forEach((one) => closeSync(one));
    const again = new CatFile(place);
    console.log(JSON.stringify([without, await all(), await told(again.read('${origin.head()}'))]));
    await again.close();
  `;
  writeFileSync(program, script);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  execFile('/bin/sh', ['-c', 'ulimit -n 200 && exec "$0" "$1"', process.execPath, program], (error, said, complaint) =>
    error === null ? resolve(said) : reject(new Error(complaint)),
  );
  const refused = 'git later git could not be started: spawn git EMFILE';
  const closed = 'git later The mirror is closed: this process is stopping.';
  expect(JSON.parse(await promise)).toEqual([[refused, refused, refused], [closed, closed, 'answered'], 'answered']);
});
