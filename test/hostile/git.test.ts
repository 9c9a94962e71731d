import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseRemote, plumbingEnvironment } from '../../src/git/environment.ts';
import { git, Origin, scratch, serve } from '../git/origin.ts';

/** A repository and a machine that would have git run things: attributes, drivers, hooks, monitors, submodules, replaced objects. */
async function trap() {
  const pwned = join(scratch(), 'pwned');
  const evil = join(scratch(), 'evil.sh');
  writeFileSync(evil, `#!/bin/sh\ntouch ${pwned}\ncat\n`, { mode: 0o755 });
  const config = ['clean', 'smudge', 'process'].map((name) => `\t${name} = ${evil}`).join('\n');
  const text = `[filter "x"]\n${config}\n[diff "x"]\n\tcommand = ${evil}\n\ttextconv = ${evil}\n[diff]\n\texternal = ${evil}\n[merge "x"]\n\tdriver = ${evil}\n[core]\n\tfsmonitor = ${evil}\n\tpager = ${evil}\n\teditor = ${evil}\n\tsshCommand = ${evil}\n\taskPass = ${evil}\n\thooksPath = ${scratch()}\n[credential]\n\thelper = !${evil}\n[gpg]\n\tprogram = ${evil}\n[protocol]\n\tallow = always\n[alias]\n\tgrep = !${evil}\n[uploadpack]\n\tpackObjectsHook = ${evil}\n`;
  const home = scratch();
  writeFileSync(join(home, '.gitconfig'), text);
  mkdirSync(join(home, 'git'));
  writeFileSync(join(home, 'git/config'), text);
  const before = { ...process.env };
  const set = {
    HOME: home,
    XDG_CONFIG_HOME: home,
    GIT_EXTERNAL_DIFF: evil,
    GIT_SSH_COMMAND: evil,
    GIT_ASKPASS: evil,
    GIT_PAGER: evil,
    GIT_CONFIG_PARAMETERS: `'core.fsmonitor=${evil}'`,
  };
  Object.assign(process.env, set);
  onTestFinished(() => {
    for (const name of Object.keys(set)) delete process.env[name];
    Object.assign(process.env, before);
  });
  const origin = new Origin({
    '.gitattributes': '* filter=x diff=x merge=x -text\n',
    'a.txt': 'one\ntwo\nthree\n',
    '.gitmodules': `[submodule "s"]\n\tpath = s\n\turl = ext::${evil}\n`,
    '.gitconfig': text,
    config: text,
    'hooks/post-checkout': `#!/bin/sh\ntouch ${pwned}\n`,
    HEAD: 'ref: refs/heads/main\n',
    'objects/info/alternates': '/etc\n',
  });
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `160000,${origin.head()},s`]);
  git(origin.clone, ['commit', '--quiet', '-m', 'submodule']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
  const directory = join(scratch(), 'mirror.git');
  const repository = await origin.mirror({ directory });
  return { pwned, evil, origin, directory, repository };
}

test('attributes, drivers, hooks, monitors, aliases, submodules and the configuration of the machine run nothing', async () => {
  const { pwned, evil, origin, directory, repository } = await trap();
  const { tree, commit } = await repository.pin({ run: 'r1', commit: origin.head() });
  // Hooks that somebody got into the mirror itself.
  mkdirSync(join(directory, 'hooks'), { recursive: true });
  for (const name of [
    'reference-transaction',
    'update',
    'post-update',
    'pre-push',
    'post-index-change',
    'fsmonitor-watchman',
    'post-commit',
    'proc-receive',
  ]) {
    writeFileSync(join(directory, 'hooks', name), readFileSync(evil));
    chmodSync(join(directory, 'hooks', name), 0o755);
  }
  const edit = (content: string) => [[{ path: 'a.txt', mode: '100644', content: { utf8: content } }]] as const;
  const [ours, theirs] = await Promise.all(
    ['ONE\ntwo\nthree\n', 'one\ntwo\nTHREE\n'].map((content) => repository.layer(tree, edit(content))),
  );
  await repository.diff(tree, ours ?? '');
  await repository.merge({ base: tree, ours: ours ?? '', theirs: theirs ?? '' });
  await repository.workspace(tree).grep('two');
  await repository.materialise(tree, scratch());
  const made = await repository.commit({
    message: 'x',
    parents: [commit],
    tree: ours ?? '',
    date: '2026-01-01T00:00:00Z',
  });
  await repository.setRefs([{ ref: 'refs/heads/x', commit: made }]);
  await repository.commitsBetween(commit, made);
  await repository.push({ commit: made, branch: 'converge/x' });
  await repository.fetchBranch({ run: 'r1', branch: 'main' });
  expect(existsSync(pwned)).toBe(false);
  expect(origin.branch('converge/x')).toBe(made);
});

test('replaced objects and grafts are not believed', async () => {
  const { origin, directory, repository } = await trap();
  const { tree, commit } = await repository.pin({ run: 'r1', commit: origin.head() });
  const other = await repository.layer(tree, [[{ path: 'a.txt', mode: '100644', content: { utf8: 'replaced' } }]]);
  const forged = await repository.commit({
    message: 'x',
    parents: [],
    tree: other,
    date: '2026-01-01T00:00:00Z',
  });
  git(directory, ['update-ref', `refs/replace/${commit}`, forged]);
  mkdirSync(join(directory, 'info'), { recursive: true });
  writeFileSync(join(directory, 'info/grafts'), `${commit}\n`);
  // git reads them once, when it starts.
  await repository.close();
  const again = await origin.mirror({ directory });
  expect(await again.treeOf(commit)).toBe(tree);
  const head = await again.commit({
    message: 'y',
    parents: [commit],
    tree,
    date: '2026-01-01T00:00:00Z',
  });
  expect(await again.isAncestor(commit, head)).toBe(true);
});

const BRANCHES = [
  '--upload-pack=touch pwned',
  '-o',
  '--force',
  ':main',
  'x:refs/heads/main',
  'refs/heads/../../x',
  'a..b',
  '../main',
  '@{-1}',
  'x.lock',
  'a b',
  'a\nb',
  'a\0b',
  '*',
  'x^{}',
  'x~1',
  '',
  '/',
  '.hidden',
  'a//b',
  'x\\y',
];

test('names of branches that are options, refspecs or ways out reach no git command, and main stays', async () => {
  const { pwned, origin, repository } = await trap();
  const { commit, tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const made = await repository.commit({
    message: 'x',
    parents: [commit],
    tree,
    date: '2026-01-01T00:00:00Z',
  });
  const refs = git(origin.bare, ['for-each-ref']);
  const taken: string[] = [];
  for (const branch of BRANCHES) {
    const outcomes = await Promise.allSettled([
      repository.push({ commit: made, branch }),
      repository.fetchBranch({ run: 'r1', branch }),
      repository.deleteBranch({ branch, commit }),
      repository.remoteHead(branch),
    ]);
    if (outcomes.some(({ status }) => status === 'fulfilled')) taken.push(branch);
  }
  expect(taken).toEqual([]);
  expect(git(origin.bare, ['for-each-ref'])).toBe(refs);
  expect(existsSync(pwned)).toBe(false);
});

test('ids and runs that are options or ways out reach no git command', async () => {
  const { origin, directory, repository } = await trap();
  const { commit, tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  for (const id of ['--output=/tmp/x', '-p', 'main', `${commit}^`, `${commit} ${commit}`, `${commit}\n${commit}`, '']) {
    await expect(repository.diff(id, tree), id).rejects.toMatchObject({ kind: 'git' });
    await expect(repository.setRef('refs/heads/x', id), id).rejects.toMatchObject({ kind: 'git' });
    await expect(repository.pin({ run: 'r1', commit: id }), id).rejects.toMatchObject({
      kind: 'git',
    });
    await expect(repository.commit({ message: 'x', parents: [id], tree, date: '2026-01-01T00:00:00Z' }), id).rejects.toMatchObject({
      kind: 'git',
    });
  }
  for (const run of ['../../x', '-x', 'a/b', '', 'a b', '*'])
    await expect(repository.pin({ run, commit }), run).rejects.toMatchObject({ kind: 'git' });
  expect(readdirSync(join(directory, 'refs')).toSorted()).toEqual(['converge', 'heads', 'tags']);
});

test.each([
  'ext::sh -c touch% pwned',
  'fd::17',
  'ssh://git@host/x',
  'git@host:x',
  'git://host/x',
  '--upload-pack=touch pwned',
  '-x',
  'https://user:pass@host/x',
  'ftp://host/x',
  'data:,x',
  'HTTPS://user@host/x',
])('the address %s is refused', (url) => {
  expect(() => parseRemote(url)).toThrow(expect.objectContaining({ kind: 'git' }));
});

test('patterns and places of a search are no options of git', async () => {
  const { pwned, origin, repository } = await trap();
  const { tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const workspace = repository.workspace(tree);
  for (const pattern of ['--open-files-in-pager=touch pwned', '-f/etc/passwd', '--no-index', '-O', '(?{ system("x") })', '\\'])
    await workspace
      .grep(pattern, { paths: [':(top,exclude)a.txt', '--', '/etc/**', '../**'] })
      .catch((error: unknown) => expect(error).toMatchObject({ kind: 'git' }));
  expect((await workspace.grep('root:', { paths: ['/etc/*', '../../etc/*'] })).matches).toEqual([]);
  expect(existsSync(pwned)).toBe(false);
});

test('a message and an author forge no header and no trailer line of git', async () => {
  const { origin, directory, repository } = await trap();
  const { commit, tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const id = await repository.commit({
    message: `x\n\nparent ${commit}\ncommitter Robin <robin@example.com> 0 +0000`,
    parents: [commit],
    tree,
    date: '2026-01-01T00:00:00Z',
  });
  expect(git(directory, ['log', '-1', '--format=%an %cn %P', id])).toBe(`converge[bot] converge[bot] ${commit}`);
  await expect(repository.commit({ message: 'a\0b', parents: [], tree, date: '2026-01-01T00:00:00Z' })).rejects.toMatchObject({
    kind: 'git',
  });
});

describe('the token', () => {
  const TOKEN = 'ghs_canary0123456789canary0123456789canary';

  test('is in no argument of any process while git talks, and in no file of the mirror afterwards', async () => {
    const origin = new Origin({ 'a.txt': 'a' });
    const served = await serve(origin, TOKEN);
    const encoded = Buffer.from(`x-access-token:${TOKEN}`).toString('base64');
    let looked = 0;
    const front = createServer((request, response) => {
      for (const pid of readdirSync('/proc').filter((name) => /^\d+$/u.test(name))) {
        let line = '';
        try {
          line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        } catch {
          continue;
        }
        looked += 1;
        if (line.includes(TOKEN) || line.includes(encoded)) response.destroy(new Error(`the token is an argument of ${line}`));
      }
      void fetch(`${served.url.replace('/origin.git', '')}${request.url ?? ''}`, {
        headers: { authorization: request.headers.authorization ?? '' },
      }).then(async (answer) =>
        response
          .writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
          .end(Buffer.from(await answer.arrayBuffer())),
      );
    });
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => front.close(() => resolve())));
    const address = front.address();
    const url = `http://127.0.0.1:${address !== null && typeof address === 'object' ? address.port : 0}/origin.git`;
    const directory = join(scratch(), 'mirror.git');
    const repository = await origin.mirror({ directory, url, token: TOKEN });
    expect(await repository.remoteHead('main')).toBe(origin.head());
    expect(looked).toBeGreaterThan(0);
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.filter((entry) => /canary|eC1hY2Nlc3M/u.test(readFileSync(join(entry.parentPath, entry.name), 'latin1')))).toEqual([]);
  });

  test('is in no environment of plumbing, which may reach no server at all', () => {
    const environment = plumbingEnvironment('/usr/bin');
    expect(JSON.stringify(environment)).not.toMatch(/extraHeader|Authorization/iu);
    expect(environment['GIT_ALLOW_PROTOCOL']).toBe('none');
  });
});
