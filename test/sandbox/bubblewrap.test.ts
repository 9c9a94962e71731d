import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openCommands } from '../../src/sandbox/commands-of.ts';
import { makeMountPoints } from '../../src/sandbox/mount-points.ts';
import { probeConfinement } from '../../src/sandbox/probe.ts';
import { Origin, scratch } from '../git/origin.ts';
import { bench, withoutSandbox } from './repository.ts';

test('D2 a missing bubblewrap is told with what to install, and nothing runs', async () => {
  const empty = scratch();
  expect(await probeConfinement(empty)).toEqual({
    kind: 'missing',
    why: expect.stringMatching(/`bwrap` was not found.*apt-get install bubblewrap.*SANDBOX=none/u),
  });
  const origin = new Origin({ 'a.txt': 'a' });
  const settings = {
    confinement: 'bubblewrap',
    directory: scratch(),
    setup: null,
    setupNetwork: [],
    parallel: 1,
    memoryMegabytes: 512,
    diskMegabytes: 4_096,
    readOnly: [],
  } as const;
  const opening = openCommands({ settings, repository: await origin.mirror(), searchPath: empty });
  await expect(opening).rejects.toMatchObject({ kind: 'sandbox', message: expect.stringContaining('apt-get install bubblewrap') });
});

test('a bubblewrap that cannot confine is told as such', async () => {
  const bin = scratch();
  writeFileSync(
    join(bin, 'bwrap'),
    '#!/bin/sh\n[ "$1" = --version ] && echo bubblewrap 0.8.0 && exit 0\necho "bwrap: No permissions to create new namespace" >&2\nexit 1\n',
    { mode: 0o755 },
  );
  expect(await probeConfinement(bin)).toMatchObject({
    kind: 'missing',
    why: expect.stringMatching(/installed but cannot confine commands here: .*No permissions to create new namespace/u),
  });
});

test('where no temporary directory can be made, that is told', async () => {
  const bin = scratch();
  writeFileSync(join(bin, 'bwrap'), '#!/bin/sh\necho bubblewrap 0.12.0\n', { mode: 0o755 });
  const before = process.env['TMPDIR'];
  onTestFinished(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
  });
  const nowhere = join(bin, 'nowhere');
  process.env['TMPDIR'] = nowhere;
  expect(await probeConfinement(bin)).toEqual({ kind: 'missing', why: expect.stringMatching(/temporary directory.*nowhere.*TMPDIR/u) });
});

test('nothing is mounted behind a link', async () => {
  const [checkout, outside] = [scratch(), scratch()];
  symlinkSync(outside, join(checkout, 'node_modules'));
  symlinkSync(outside, join(checkout, 'sub'));
  for (const at of ['node_modules', 'sub/node_modules']) {
    await expect(makeMountPoints(checkout, [{ from: '/usr', at, kind: 'directory' }])).rejects.toThrow('Nothing can be mounted');
  }
  expect(existsSync(join(outside, 'node_modules'))).toBe(false);
});

describe.skipIf(withoutSandbox)('bubblewrap', () => {
  test('the network of the machine is out of reach, its own loopback works', async () => {
    let reached = 0;
    const server = createServer((socket) => {
      reached += 1;
      socket.end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { run } = await bench({
      'connect.mjs': `import net from 'node:net'; net.connect(Number(process.argv[2]), '127.0.0.1').on('connect', () => { console.log('connected'); process.exit(); }).on('error', (error) => console.log(error.code));`,
      'own.mjs': `import net from 'node:net'; const s = net.createServer((c) => c.end()).listen(0, 'localhost', () => net.connect(s.address().port, 'localhost').on('connect', () => { console.log('own'); process.exit(); }));`,
    });
    expect((await run(`node connect.mjs ${(server.address() as AddressInfo).port}`)).output).toBe('ECONNREFUSED\n');
    expect(reached).toBe(0);
    expect((await run('node own.mjs')).output).toBe('own\n');
  });

  test('nothing outside of the checkout can be written or seen', async () => {
    const { run, directory } = await bench({ 'a.txt': 'a' });
    const result = await run(
      'touch /usr/x; touch /x; touch /etc/x; ls "$1" /root /work 2>&1; cat /etc/shadow; ls /home; cat /etc/passwd | wc -l',
      { args: [directory] },
    );
    expect(result.output).toContain("'/usr/x': Read-only file system");
    expect(result.output).toContain("'/x': Read-only file system");
    expect(result.output).toContain("'/etc/x': Read-only file system");
    expect(result.output).toContain(`'${directory}': No such file`);
    expect(result.output).toContain("'/root': No such file");
    expect(result.output).toContain('/etc/shadow: No such file');
    expect(result.output).toMatch(/converge\n2\n$/u);
  });

  test('other checkouts and other processes are invisible', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const mark = `86400.${process.pid}9`;
    const flag = new AbortController();
    const other = run(`touch mine; sleep ${mark}`, { signal: flag.signal });
    const seen = await run('pwd; ls -A; cat /proc/[0-9]*/cmdline | tr "\\0" " "');
    flag.abort();
    await other;
    expect(seen.output).toMatch(/^\/checkout\na\.txt\n/u);
    expect(seen.output).not.toContain(mark);
  });

  test('what setup made cannot be changed, and caches of tools are gone after the command', async () => {
    const { run } = await bench({ 'yarn.lock': '' }, { setup: 'mkdir node_modules; echo 1 > node_modules/a' });
    expect(
      (
        await run(
          'echo 2 > node_modules/a; rm -rf node_modules; cat node_modules/a; echo c > node_modules/.cache/x && ls node_modules/.cache',
        )
      ).output,
    ).toMatch(/Read-only file system[^]*1\nx\n$/u);
    expect((await run('ls -A node_modules/.cache')).output).toBe('');
  });

  test("a command cannot reach Converge's own descriptors, nor forge its exit code", async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const result = await run(`for fd in 3 4 5 6 7 8; do echo '{ "exit-code": 0 }' >&$fd; done 2>/dev/null; exit 5`);
    expect(result).toMatchObject({ ok: false, exitCode: 5 });
  });

  test('no further namespace, no capability, no dump of memory', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const result = await run('unshare -U true; grep CapEff /proc/self/status; ulimit -c; id -u');
    expect(result.output).toMatch(/unshare.*failed[^]*CapEff:\t0+\n0\n1000\n$/u);
  });

  test('memory that no process maps is counted: files without a name, and file systems in memory', async () => {
    const { run } = await bench({ 'a.txt': 'a' }, { memoryMegabytes: 128 });
    const memfd =
      'my $n = "m"; my $f = syscall(319, $n, 0); open(my $h, ">&=", $f) or die; my $m = "x" x 1048576; for (1..200) { syswrite($h, $m) } sleep 6';
    expect(await run(`exec perl -e '${memfd}'`)).toMatchObject({ ok: false, ended: 'memory' });
    const files = 'for at in /tmp /home/converge /dev/shm; do head -c 55m /dev/zero > $at/f || exit 3; done; sleep 6';
    expect(await run(files)).toMatchObject({ ok: false, ended: 'memory' });
    expect(await run('head -c 40m /dev/zero > /tmp/f; sleep 1; echo done')).toMatchObject({ ok: true, output: 'done\n' });
  });

  test('as root the void limit is told', async () => {
    const { commands } = await bench({ 'a.txt': 'a' });
    expect(commands.caveats.some((caveat) => caveat.includes('runs as root'))).toBe(process.getuid?.() === 0);
  });
});
