import { lstatSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { git, scratch } from '../git/origin.ts';
import { missingPart } from '../../src/sandbox/diagnosis.ts';
import { bench, withoutSandbox } from './repository.ts';

/** What is left in the pool of checkouts. */
function left(directory: string): readonly string[] {
  return readdirSync(join(directory, 'checkouts')).flatMap((name) => readdirSync(join(directory, 'checkouts', name)));
}

/** What commands leave to hurt the next one, or whoever empties the checkout. */
const LEFT: Readonly<Record<string, string>> = {
  'a pipe, and a socket': `mkfifo pipe; node -e "require('net').createServer().listen('socket', () => process.exit())"`,
  'links out of the checkout': 'ln -s / root; ln -s /etc/passwd passwd; ln -s .. up; ln -s loop loop; mkdir d; ln -s ../.. d/up',
  'a git directory with hooks': `mkdir -p .git/hooks; printf '#!/bin/sh\\ntouch /tmp/ran' > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; printf '[core]\\nfsmonitor = touch ran' > .git/config`,
  'files with odd names': `touch -- '-rf' '--' ' ' "$(printf 'a\\nb')" "$(printf '\\377\\376')" '*' '$(touch x)'; mkdir -- "$(printf 'd\\377')"; touch -- "$(printf 'd\\377/x')"`,
  'directories that resist': 'mkdir -p a/b/c; touch a/b/c/x; chmod 000 a/b/c; chmod 500 a/b; chmod 000 a; mkdir shut; chmod 000 shut',
  'directories deeper than a path reaches': `node -e "for (let i = 0; i < 1500; i += 1) { fs.mkdirSync('ddd'); process.chdir('ddd'); } fs.writeFileSync('x', '')"`,
  'a program that would run as another': 'cp /bin/true rooted; chmod 6755 rooted; chmod +t .',
  'hard links of one file': 'touch one; i=0; while [ $i -lt 200 ]; do ln one l$i; i=$((i + 1)); done',
};

for (const confinement of ['bubblewrap', 'none'] as const) {
  describe.skipIf(confinement === 'bubblewrap' && withoutSandbox)(`checkouts under attack, confinement ${confinement}`, () => {
    for (const [name, text] of Object.entries(LEFT)) {
      test(`${name}: nothing of it is there for the next command, nor on the machine`, async () => {
        const { run, directory } = await bench({ 'a.txt': 'a', 'd/b.txt': 'b' }, { confinement, parallel: 1 });
        expect(await run(text)).toMatchObject({ ok: true });
        expect(left(directory)).toEqual([]);
        expect((await run('find . -mindepth 1 | LC_ALL=C sort; cat a.txt d/b.txt')).output).toBe('./a.txt\n./d\n./d/b.txt\nab');
      });
    }

    test('links of the tree are not there to be followed, and a git directory cannot be in it', async () => {
      const { run, origin, repository } = await bench({ 'a.txt': 'a' }, { confinement });
      const link = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: '/etc/passwd' });
      const file = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: 'x' });
      const inner = git(origin.clone, ['mktree'], { input: `120000 blob ${link}\tpasswd\n100644 blob ${file}\tb.txt\n` });
      git(origin.clone, ['read-tree', git(origin.clone, ['mktree'], { input: `040000 tree ${inner}\td\n120000 blob ${link}\te\n` })]);
      const tree = git(origin.clone, ['write-tree']);
      const commit = git(origin.clone, ['commit-tree', tree, '-m', 'links']);
      git(origin.clone, ['push', '--quiet', origin.bare, `${commit}:refs/heads/links`]);
      await repository.pin({ run: 'r2', commit });
      expect((await run('find . -mindepth 1 | sort', { tree })).output).toBe('./d\n./d/b.txt\n');
      const gits = git(origin.clone, ['mktree'], { input: `040000 tree ${inner}\t.GIT\n` });
      await expect(repository.materialise(gits, scratch())).rejects.toMatchObject({ kind: 'git' });
    });

    test('a setup leaves nothing that changes whom a program runs as, no pipe, and no name that is no text', async () => {
      const { run, directory } = await bench(
        { 'yarn.lock': '' },
        {
          confinement,
          setup: `mkdir -p node_modules/dep; cp /bin/true node_modules/rooted; chmod 6755 node_modules/rooted; mkfifo node_modules/pipe; ln -s /etc/passwd node_modules/link; touch node_modules/dep/x "$(printf 'n\\377')"; chmod 500 node_modules/dep; chmod 3777 node_modules`,
        },
      );
      expect(await run('ls node_modules; test ! -u node_modules/rooted')).toMatchObject({ ok: true, output: 'dep\nlink\nrooted\n' });
      const [layer = ''] = readdirSync(join(directory, 'layers'));
      expect(statSync(join(directory, 'layers')).mode & 0o777).toBe(0o700);
      const modules = join(directory, 'layers', layer, 'content/node_modules');
      expect(lstatSync(join(modules, 'rooted')).mode & 0o7777).toBe(0o755);
      expect(lstatSync(modules).mode & 0o7000).toBe(0);
    });

    test('a command that fills the disk is ended, with files that it deleted counted too', { timeout: 90_000 }, async () => {
      const { run, directory } = await bench({ 'a.txt': 'a' }, { confinement, diskMegabytes: 100 });
      const result = await run('i=0; while :; do head -c 20000000 /dev/zero > f$i; i=$((i + 1)); done');
      expect(result).toMatchObject({ ok: false, ended: 'disk', output: expect.stringContaining('its limit of 100 MB to disk') });
      expect(left(directory)).toEqual([]);
      const hidden = 'exec 8>h; rm h; i=0; while :; do head -c 20000000 /dev/zero >&8; sleep 0.01; done';
      expect(await run(hidden)).toMatchObject({ ok: false, ended: 'disk' });
      const shut = 'mkdir d; cd d; chmod 300 .; i=0; while :; do head -c 20000000 /dev/zero > f$i; i=$((i + 1)); done';
      expect(await run(shut)).toMatchObject({ ok: false, ended: 'disk' });
    });

    test('what a command writes within its limit, and what others write beside it, ends nothing', { timeout: 60_000 }, async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement, diskMegabytes: 100, parallel: 2 });
      const write = (count: number): string => `i=0; while [ $i -lt ${count} ]; do head -c 20000000 /dev/zero > f$i; i=$((i + 1)); done`;
      const [much, little] = await Promise.all([run(`${write(4)}; sleep 2`), run(`${write(4)}; sleep 2`)]);
      expect([much.ended, little.ended]).toEqual(['exit', 'exit']);
    });
  });
}

describe.skipIf(withoutSandbox)('bubblewrap', () => {
  test('nothing of the machine can be hard-linked into a checkout', async () => {
    const { run } = await bench({ 'yarn.lock': '' }, { setup: 'mkdir node_modules; echo 1 > node_modules/a' });
    const { output } = await run('ln /bin/true x; ln /etc/hosts y; ln node_modules/a z; ls');
    expect(output.match(/cross-device|not permitted/giu)?.length).toBe(3);
    expect(output).toMatch(/node_modules\nyarn\.lock\n$/u);
  });

  test('no device can be made, and a program with the bit runs as nobody else', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const { output } = await run('mknod disk b 8 0; cp /usr/bin/id rooted; chmod 6755 rooted; ./rooted -u; ls /dev');
    expect(output).toContain('not permitted');
    expect(output).toMatch(/\n1000\n/u);
    expect(output).not.toMatch(/^(?:sd|vd|nvme|mem|kmsg|loop)/mu);
  });

  test('the data directory, the journal in it and other checkouts have no path inside', async () => {
    const { run, directory } = await bench({ 'a.txt': 'a' });
    const { output } = await run('cat /proc/self/mountinfo; ls -d "$1" "$1/.." /data 2>&1', { args: [directory] });
    expect(output.match(/No such file/gu)?.length).toBe(3);
    // The one place of the machine's disk that is writable is the checkout.
    const writable = output
      .split('\n')
      .filter((line) => line.split(' ')[5]?.startsWith('rw') === true && !/ - (?:tmpfs|proc|devpts|devtmpfs|mqueue) /u.test(line));
    expect(writable.map((line) => line.split(' ')[4])).toEqual(['/checkout']);
  });
});

test('each missing part is told with what to set', () => {
  const kernel = { userNamespaces: 100, unprivilegedClone: null, apparmorRestricts: null, filtered: false };
  const denied = 'bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user namespaces.';
  const parts: readonly (readonly [string, Partial<typeof kernel> | object, RegExp])[] = [
    ['bwrap: execvp prlimit: No such file or directory', {}, /`prlimit` was not found.*util-linux/u],
    ["bwrap: Can't mount proc on /newroot/proc: Operation not permitted", {}, /\/proc are masked.*systempaths=unconfined/u],
    [denied, { userNamespaces: 0 }, /sysctl user\.max_user_namespaces/u],
    [denied, { unprivilegedClone: 0 }, /sysctl kernel\.unprivileged_userns_clone=1/u],
    [denied, { filtered: true }, /seccomp filter forbids.*\.docker\/seccomp\.json/u],
    [
      'bwrap: setting up uid map: Permission denied',
      { apparmorRestricts: 1 },
      /AppArmor forbids.*apparmor_restrict_unprivileged_userns=0/u,
    ],
    ['bwrap: pivot_root: Operation not permitted', {}, /AppArmor or SELinux perhaps/u],
    ['bwrap: something new', {}, /cannot confine commands here: bwrap: something new/u],
  ];
  for (const [said, facts, expected] of parts) expect(missingPart(said, { ...kernel, ...facts })).toMatch(expected);
});
