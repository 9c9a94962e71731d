import { chmodSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentOf } from '../../src/domain/change.ts';
import type { Overlay } from '../../src/domain/change.ts';
import { pathFault } from '../../src/git/paths.ts';
import type { Repository, Workspace } from '../../src/git/workspace.ts';
import { Origin, git } from './origin.ts';

const BINARY = Buffer.from([0, 1, 2, 0xff, 0xfe, 0x0a, 0x0d]);

async function open(
  files: Record<string, string | Buffer>,
  prepare?: (origin: Origin) => void,
): Promise<{ origin: Origin; repository: Repository; workspace: Workspace }> {
  const origin = new Origin(files);
  if (prepare !== undefined) {
    prepare(origin);
    origin.commit({}, 'prepared');
  }
  const repository = await origin.mirror();
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  return { origin, repository, workspace: repository.workspace(tree) };
}

test('reads files, links and directories as they are', async () => {
  const { workspace } = await open({ 'src/a.txt': 'a\r\nb', 'bin/run': '#!/bin/sh\n', 'data.bin': BINARY }, (origin) => {
    chmodSync(join(origin.clone, 'bin/run'), 0o755);
    symlinkSync('/etc/passwd', join(origin.clone, 'src/link'));
    git(origin.clone, ['update-index', '--add', '--cacheinfo', `160000,${origin.head()},modules/sub`]);
    git(origin.clone, ['config', 'core.symlinks', 'true']);
  });
  expect(await workspace.read('src/a.txt')).toEqual({ kind: 'file', bytes: Buffer.from('a\r\nb'), mode: '100644' });
  expect(await workspace.read('bin/run')).toEqual({ kind: 'file', bytes: Buffer.from('#!/bin/sh\n'), mode: '100755' });
  expect(await workspace.read('data.bin')).toEqual({ kind: 'file', bytes: BINARY, mode: '100644' });
  expect(await workspace.read('src/link')).toEqual({ kind: 'link', target: '/etc/passwd' });
  expect(await workspace.read('src')).toEqual({ kind: 'directory' });
  expect(await workspace.read('src/a.txt/deeper')).toEqual({ kind: 'absent' });
  expect(await workspace.list()).toEqual(['bin/run', 'data.bin', 'src/a.txt']);
  expect(await workspace.special()).toContainEqual({ path: 'src/link', kind: 'link' });
  await expect(workspace.write('src/link', Buffer.from('x'))).rejects.toThrow('`src/link` cannot be written: it is a link');
  await expect(workspace.write('src/link/x', Buffer.from('x'))).rejects.toThrow('`src/link` is a link, not a directory');
  await expect(workspace.remove('src/link')).rejects.toThrow('it is a link');
});

test('a submodule is listed and never written', async () => {
  const origin = new Origin({ 'a.txt': 'a' });
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `160000,${origin.head()},sub`]);
  git(origin.clone, ['commit', '--quiet', '-m', 'sub']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
  const repository = await origin.mirror();
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const workspace = repository.workspace(tree);
  expect(await workspace.special()).toEqual([{ path: 'sub', kind: 'submodule' }]);
  expect(await workspace.read('sub')).toEqual({ kind: 'submodule' });
  await expect(workspace.write('sub/x', Buffer.from(''))).rejects.toThrow('is a submodule');
  const smuggled: Overlay = [{ path: 'sub', mode: '100644', content: { utf8: 'x' } }];
  await expect(repository.layer(tree, [smuggled])).rejects.toThrow('there is a submodule');
});

test('writing a file back to its old bytes takes it out of the overlay', async () => {
  const { workspace } = await open({ 'a.txt': 'old', 'b.txt': 'b' });
  await workspace.write('a.txt', Buffer.from('new'));
  expect(await workspace.overlay()).toEqual([{ path: 'a.txt', mode: '100644', content: { utf8: 'new' } }]);
  await workspace.write('a.txt', Buffer.from('old'));
  expect(await workspace.overlay()).toEqual([]);
  await workspace.remove('b.txt');
  expect(await workspace.overlay()).toEqual([{ path: 'b.txt', deleted: true }]);
  expect(await workspace.read('b.txt')).toEqual({ kind: 'absent' });
  await workspace.write('b.txt', Buffer.from('b'));
  expect(await workspace.overlay()).toEqual([]);
  await workspace.write('new.txt', Buffer.from('n'));
  await workspace.remove('new.txt');
  expect(await workspace.overlay()).toEqual([]);
  await expect(workspace.remove('new.txt')).rejects.toThrow('`new.txt` cannot be removed: there is no such file.');
});

test('an executable stays executable, and bytes stay bytes', async () => {
  const { repository, workspace } = await open({ run: '#!/bin/sh\n', bytes: BINARY }, (origin) => {
    chmodSync(join(origin.clone, 'run'), 0o755);
  });
  await workspace.write('run', Buffer.from('#!/bin/sh\r\necho\r\n'));
  await workspace.write('bytes', Buffer.concat([BINARY, BINARY]));
  const overlay = await workspace.overlay();
  expect(overlay).toEqual([
    { path: 'bytes', mode: '100644', content: { base64: Buffer.concat([BINARY, BINARY]).toString('base64') } },
    { path: 'run', mode: '100755', content: { utf8: '#!/bin/sh\r\necho\r\n' } },
  ]);
  const after = repository.workspace(await repository.layer(workspace.tree, [overlay]));
  expect(await after.read('run')).toEqual({ kind: 'file', bytes: Buffer.from('#!/bin/sh\r\necho\r\n'), mode: '100755' });
  expect(await after.read('bytes')).toMatchObject({ bytes: Buffer.concat([BINARY, BINARY]) });
});

test('a file never stands where a directory is, nor the reverse', async () => {
  const { repository, workspace } = await open({ 'a/b.txt': 'b', 'c.txt': 'c' });
  await expect(workspace.write('a', Buffer.from('x'))).rejects.toThrow('`a` cannot be written: it is a directory');
  await expect(workspace.write('c.txt/x', Buffer.from('x'))).rejects.toThrow('`c.txt` is a file, not a directory');
  await expect(workspace.remove('a')).rejects.toThrow('it is a directory');
  const through: Overlay = [{ path: 'c.txt/x', mode: '100644', content: { utf8: 'x' } }];
  await expect(repository.layer(workspace.tree, [through])).rejects.toThrow('`c.txt` is a file');
  await workspace.remove('a/b.txt');
  expect(await workspace.read('a')).toEqual({ kind: 'absent' });
  await workspace.write('a', Buffer.from('now a file'));
  await workspace.remove('c.txt');
  await workspace.write('c.txt/x', Buffer.from('now a directory'));
  expect(await workspace.list()).toEqual(['a', 'c.txt/x']);
  const tree = await repository.layer(workspace.tree, [await workspace.overlay()]);
  expect(await repository.workspace(tree).list()).toEqual(['a', 'c.txt/x']);
  const again = repository.workspace(workspace.tree);
  await again.restore(await workspace.overlay());
  expect(await again.overlay()).toEqual(await workspace.overlay());
});

test('the layered tree is the one git makes of the same files', async () => {
  const { origin, repository, workspace } = await open({ 'a/b/c.txt': 'c', 'a.txt': 'a', 'a-b': 'x', 'only/one.txt': 'gone' });
  await workspace.write('a/b/d.txt', Buffer.from('d'));
  await workspace.write('a/new/é.txt', Buffer.from('ü'));
  await workspace.remove('only/one.txt');
  const tree = await repository.layer(workspace.tree, [await workspace.overlay()]);
  git(origin.clone, ['rm', '--quiet', 'only/one.txt']);
  origin.commit({ 'a/b/d.txt': 'd', 'a/new/é.txt': 'ü' }, 'same');
  expect(tree).toBe(git(origin.clone, ['rev-parse', 'HEAD^{tree}']));
});

test('overlays are laid in order, and deleting what is not there does nothing', async () => {
  const { repository, workspace } = await open({ 'a.txt': '0' });
  const first: Overlay = [{ path: 'a.txt', mode: '100644', content: { utf8: '1' } }];
  const second: Overlay = [
    { path: 'a.txt', deleted: true },
    { path: 'gone/deep.txt', deleted: true },
    { path: 'b.txt', mode: '100755', content: { utf8: '2' } },
  ];
  const tree = await repository.layer(workspace.tree, [first, second]);
  expect(await repository.workspace(tree).list()).toEqual(['b.txt']);
  expect(await repository.layer(workspace.tree, [])).toBe(workspace.tree);
});

test('names that are not text survive next to a change', async () => {
  const { origin, repository } = await open({ 'a.txt': 'a' });
  const blob = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: 'latin' });
  git(origin.clone, ['update-index', '-z', '--index-info'], {
    input: Buffer.concat([Buffer.from(`100644 ${blob}\tcaf`), Buffer.from([0xe9]), Buffer.from('.txt\0')]),
  });
  git(origin.clone, ['commit', '--quiet', '-m', 'latin1']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
  const { tree } = await repository.pin({ run: 'r2', commit: origin.head() });
  expect(await repository.workspace(tree).list()).toEqual(['a.txt']);
  const changed = await repository.layer(tree, [[{ path: 'a.txt', mode: '100644', content: { utf8: 'b' } }]]);
  git(origin.clone, [
    'update-index',
    '--add',
    '--cacheinfo',
    `100644,${git(origin.clone, ['hash-object', '-w', '--stdin'], { input: 'b' })},a.txt`,
  ]);
  expect(changed).toBe(git(origin.clone, ['write-tree']));
});

test.each([
  ['', 'empty'],
  ['/etc/passwd', 'absolute'],
  ['../x', '`..`'],
  ['a/../../x', '`..`'],
  ['./a', '`.`'],
  ['a//b', 'empty part'],
  ['a/', 'empty part'],
  ['a\0b', 'control character'],
  ['a\nb', 'control character'],
  ['a\\..\\b', 'backslash'],
  ['.git/config', "git's own directory"],
  ['.GIT/config', "git's own directory"],
  ['sub/.git/hooks/x', "git's own directory"],
  ['.git./config', "git's own directory"],
  ['.git /config', "git's own directory"],
  ['GIT~1/config', "git's own directory"],
  ['.g\u200cit/config', "git's own directory"],
  ['.git::$INDEX_ALLOCATION/config', "git's own directory"],
  ['a\ud800', 'well-formed'],
  ['x'.repeat(256), '255 bytes'],
])('the path %j is refused everywhere', async (path, why) => {
  expect(pathFault(path)).toContain(why);
  const { repository, workspace } = await open({ 'a.txt': 'a' });
  await expect(workspace.read(path)).rejects.toThrow(why);
  await expect(workspace.write(path, Buffer.from('x'))).rejects.toThrow(why);
  await expect(workspace.remove(path)).rejects.toThrow(why);
  await expect(workspace.restore([{ path, mode: '100644', content: { utf8: 'x' } }])).rejects.toThrow(why);
  await expect(repository.layer(workspace.tree, [[{ path, mode: '100644', content: { utf8: 'x' } }]])).rejects.toThrow(why);
});

test.each(['.github/workflows/ci.yml', '.gitignore', '.gitmodules', 'a b/c d', 'é/ü', 'git~2', '...', '.git-blame-ignore-revs'])(
  'the path %j is taken',
  (path) => {
    expect(pathFault(path)).toBeNull();
  },
);

test('globs see edits and hidden files', async () => {
  const { workspace } = await open({ 'src/a.ts': '', 'src/deep/b.ts': '', 'src/c.js': '', '.hidden/d.ts': '' });
  await workspace.write('src/new.ts', Buffer.from(''));
  await workspace.remove('src/a.ts');
  expect(await workspace.list('**/*.ts')).toEqual(['.hidden/d.ts', 'src/deep/b.ts', 'src/new.ts']);
  expect(await workspace.list('src/*.{ts,js}')).toEqual(['src/c.js', 'src/new.ts']);
});

test('a directory whose name looks like a glob is searched where it is escaped', async () => {
  const { workspace } = await open({ 'src/[id]/page.ts': 'one', 'src/i/page.ts': 'one', 'src/(group)/page.ts': 'one' });
  const found = async (glob: string): Promise<readonly string[]> =>
    (await workspace.grep('one', { paths: [glob] })).matches.map((match) => match.path);
  expect(await found(String.raw`src/\[id\]/**`)).toEqual(['src/[id]/page.ts']);
  expect(await found(String.raw`src/\(group\)/*.ts`)).toEqual(['src/(group)/page.ts']);
  expect(await found(String.raw`src/\[id\]/page.ts`)).toEqual(['src/[id]/page.ts']);
});

test('searching sees the tree with its edits, and says where', async () => {
  const { workspace } = await open({ 'a.txt': 'one\ntwo 22\n', 'b/c.txt': 'two 3\r\n', 'bin.dat': Buffer.from('two 4\0') });
  await workspace.write('a.txt', Buffer.from('zero\none\ntwo 55\n'));
  await workspace.write('new.txt', Buffer.from('TWO 6'));
  expect(await workspace.grep(String.raw`^two \d+`)).toEqual({
    matches: [
      { path: 'a.txt', line: 3, text: 'two 55' },
      { path: 'b/c.txt', line: 1, text: 'two 3\r' },
    ],
    cut: false,
  });
  expect((await workspace.grep('two', { ignoreCase: true, paths: ['*.txt'] })).matches.map((match) => match.path)).toEqual([
    'a.txt',
    'new.txt',
  ]);
  expect((await workspace.grep('two', { paths: ['b/**'] })).matches).toHaveLength(1);
  expect(await workspace.grep('o', { limit: 1 })).toMatchObject({ matches: [{ path: 'a.txt', line: 1 }], cut: true });
  expect(await workspace.grep('nowhere')).toEqual({ matches: [], cut: false });
  expect(await workspace.grep('-e')).toEqual({ matches: [], cut: false });
  await expect(workspace.grep('(unclosed')).rejects.toThrow(/The search for `\(unclosed` failed: missing closing parenthesis/u);
  await expect(workspace.grep('')).rejects.toThrow('one line that is not empty');
  expect(contentOf(BINARY)).toHaveProperty('base64');
});
