import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { git, scratch } from '../git/origin.ts';
import { bench, withoutSandbox } from '../sandbox/repository.ts';
import { ear } from './support.ts';

const CANARY = 'canary-5d0c1a7e-of-the-host';

describe.skipIf(withoutSandbox)('a command of a hostile repository', () => {
  test('/proc/self/environ, /proc/1/environ and all others hold nothing of Converge', async () => {
    process.env['HOSTILE_CANARY'] = CANARY;
    onTestFinished(() => void delete process.env['HOSTILE_CANARY']);
    const { run } = await bench({ 'a.txt': 'a' });
    const { output } = await run(
      'cat /proc/[0-9]*/environ /proc/self/environ /proc/1/cmdline /proc/thread-self/environ 2>&1 | tr "\\0" "\\n"',
    );
    expect(output).not.toContain(CANARY);
    expect(output).not.toContain('ANTHROPIC');
    expect(output).toContain('HOME=/home/converge');
  });

  test('memory, descriptors and roots of processes lead nowhere', async () => {
    const outside = scratch();
    writeFileSync(join(outside, 'secret'), CANARY);
    const { run } = await bench({ 'a.txt': 'a' });
    const { output } = await run(
      'for p in /proc/[0-9]*; do ls -l $p/fd $p/cwd $p/root 2>&1; cat "$p/root$1/secret" "$p/cwd/../../../..$1/secret" 2>&1; done; cat /proc/1/mem 2>&1 | head -c 100; cat /proc/kcore /dev/mem /proc/kmsg 2>&1 | head -c 100',
      { args: [outside] },
    );
    expect(output).not.toContain(CANARY);
  });

  test('no connection leaves it: loopback by every name, abstract sockets, sockets of the host, UDP', async () => {
    const { port, heard } = await ear();
    const abstract = createServer((socket) => socket.end(CANARY));
    await new Promise<void>((resolve) => abstract.listen('\0converge-hostile-test', resolve));
    const path = join(scratch(), 'socket');
    const named = createServer((socket) => socket.end(CANARY));
    await new Promise<void>((resolve) => named.listen(path, resolve));
    onTestFinished(() =>
      Promise.all([abstract, named].map((one) => new Promise<void>((resolve) => one.close(() => resolve())))).then(() => undefined),
    );
    const { run } = await bench({
      'reach.mjs': `
        import net from 'node:net'; import dgram from 'node:dgram'; import dns from 'node:dns/promises';
        const [port, path] = process.argv.slice(2);
        const tried = ['127.0.0.1', 'localhost', '::1', '0.0.0.0', '::ffff:127.0.0.1', '127.1.2.3', '10.0.0.1', '169.254.169.254'].map((host) => ({port: Number(port), host}));
        for (const target of [...tried, {path}, {path: '\\0converge-hostile-test'}])
          await new Promise((resolve) => { const socket = net.connect(target); const end = (word) => { console.log(JSON.stringify(target), word); socket.destroy(); resolve(); };
            socket.on('connect', () => end('CONNECTED')).on('error', (error) => end(error.code)).setTimeout(1000, () => end('timeout')); });
        const udp = dgram.createSocket('udp4'); await new Promise((resolve) => udp.send('x', Number(port), '127.0.0.1', () => resolve())); udp.close();
        await dns.resolve4('example.com').then((found) => console.log('RESOLVED', found), () => {});
        await fetch('http://127.0.0.1:' + port).then(() => console.log('FETCHED'), () => {});`,
    });
    const { output } = await run('node reach.mjs "$1" "$2"', { args: [String(port), path] });
    expect(output).toContain('127.0.0.1');
    expect(output).not.toMatch(/CONNECTED|RESOLVED|FETCHED/u);
    expect(output).not.toContain(CANARY);
    expect(heard()).toBe(0);
  });

  test('setuid programs, capabilities, mounts, keys and traces give it no more than it has', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const { output } = await run(
      'grep -E "^(NoNewPrivs|CapEff|CapPrm|CapBnd|CapAmb)" /proc/self/status; cp /bin/sh ./mine; chmod 4755 ./mine; ./mine -pc "id -u"; su -c id 2>&1 | head -1; mount -t tmpfs x /tmp 2>&1; chroot . true 2>&1; mknod ./disk b 8 0 2>&1; nsenter -t 1 -m true 2>&1; id',
    );
    expect(output).toMatch(/NoNewPrivs:\t1/u);
    for (const name of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb']) expect(output).toContain(`${name}:\t0000000000000000`);
    expect(output).not.toContain('uid=0');
    expect(output).toMatch(/mount: .*(?:denied|not permitted|must be superuser|only root)/iu);
  });

  test('signals reach no process of the machine', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    const victim = execFile('sleep', ['600']);
    onTestFinished(() => void victim.kill('SIGKILL'));
    await run('kill -9 -1; kill -9 "$1"', { args: [String(victim.pid)] });
    await run('for p in $(seq 2 64) "$1"; do kill -9 $p 2>/dev/null; done; true', { args: [String(victim.pid)] });
    expect(victim.exitCode).toBeNull();
    expect(victim.signalCode).toBeNull();
  });

  test('a fork bomb ends, and the next command runs', async () => {
    // As root no limit of processes holds, and a bomb that doubles takes the whole machine before anybody looks: then it grows one by one, and ends by itself.
    const bomb = process.getuid?.() === 0 ? 'for one in $(seq 1 3000); do sleep 60 & done; wait' : 'f() { f | f & }; f; sleep 60';
    const { run } = await bench({ 'bomb.sh': bomb });
    const ended = await run('sh bomb.sh', { seconds: 4 });
    expect(ended.ok && ended.output === '').toBe(false);
    expect(await run('echo alive')).toMatchObject({ ok: true, output: 'alive\n' });
  });

  test('floods of output, also on descriptors that it opens anew, end it', async () => {
    const { run } = await bench({ 'a.txt': 'a' });
    expect(await run('exec 7>/proc/self/fd/1; yes >&7')).toMatchObject({ ok: false });
    expect(await run('yes >&2 & yes & wait')).toMatchObject({ ok: false, ended: 'output' });
  });

  test('a file larger than the limit, and a full temporary folder, are its own trouble', async () => {
    const { run } = await bench({ 'a.txt': 'a' }, { memoryMegabytes: 256 });
    const { output } = await run(
      'head -c 2G /dev/zero > big; ls -s big | cut -d" " -f1; head -c 1G /dev/zero > /tmp/full; echo "tmp $?"; head -c 1G /dev/zero > /dev/shm/full; echo "shm $?"',
      {
        seconds: 60,
      },
    );
    expect(output).not.toMatch(/tmp 0|shm 0/u);
    expect(Number(/^(\d+)$/mu.exec(output)?.[1] ?? 0)).toBeLessThanOrEqual(1_048_576 + 8);
  });

  test('what it leaves (files, links, folders without rights, a .git with hooks) is not there for the shard after it', async () => {
    const { run, directory } = await bench({ 'a.txt': 'a', 'sub/b.txt': 'b' }, { parallel: 1 });
    const hook =
      'mkdir -p .git/hooks sub/.git; printf "#!/bin/sh\\ntouch /tmp/pwned" > .git/hooks/post-checkout; chmod +x .git/hooks/post-checkout; printf "[core]\\n\\tfsmonitor = touch pwned\\n" > .git/config';
    await run(
      `${hook}; ln -s /etc leftover; ln -sf /etc/passwd a.txt; rm sub/b.txt; ln -s .. sub/up; mkfifo pipe; mkdir -m 0 shut; touch -d 2001-01-01 old`,
    );
    const seen = await run('find . | sort; cat a.txt sub/b.txt');
    expect(seen.output).toBe('.\n./a.txt\n./sub\n./sub/b.txt\nab');
    expect(readdirSync(join(directory, 'checkouts')).flatMap((name) => readdirSync(join(directory, 'checkouts', name)))).toEqual([]);
  });

  test('links that it made in its checkout lead nobody out when that is emptied', async () => {
    const outside = scratch();
    mkdirSync(join(outside, 'keep'));
    writeFileSync(join(outside, 'keep/file'), 'mine');
    const { run } = await bench({ 'a.txt': 'a' });
    await run('ln -s "$1" out; ln -s "$1/keep" sub; mkdir shut; ln -s "$1" shut/out; chmod 0 shut', { args: [outside] });
    expect(readFileSync(join(outside, 'keep/file'), 'utf8')).toBe('mine');
  });

  test('a setup that leaves links and forged folders where mounts go leads no mount out', async () => {
    const outside = scratch();
    const setup = `mkdir -p node_modules; echo ok > node_modules/x; ln -s ${outside} vendor; ln -s / root; mkdir -p deep; ln -s ${outside} deep/node_modules`;
    const { run } = await bench({ 'package-lock.json': '{}', 'deep/a.txt': '' }, { setup });
    const { output } = await run('cat node_modules/x; ls -d vendor root deep/node_modules 2>&1; echo y > node_modules/y');
    expect(output).toContain('ok');
    expect(output).toContain("cannot access 'vendor'");
    expect(readdirSync(outside)).toEqual([]);
  });

  test('a tree that has a link where its files would go is checked out without it, and commands follow none', async () => {
    const victim = scratch();
    const { origin, repository, run } = await bench({ 'a.txt': 'a' });
    symlinkSync(victim, join(origin.clone, 'out'));
    symlinkSync('/etc/passwd', join(origin.clone, 'passwd'));
    git(origin.clone, ['add', '-A']);
    git(origin.clone, ['commit', '--quiet', '-m', 'links']);
    git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
    const { tree } = await repository.pin({ run: 'r2', commit: origin.head() });
    const { output } = await run('ls -A; cat passwd; echo x > out/x', { tree });
    expect(output).toMatch(/^a\.txt\n/u);
    expect(existsSync(join(victim, 'x'))).toBe(false);
  });

  test('names and contents of files are no options and no commands of ours', async () => {
    const files = { '--help': 'x', '-rf': 'x', '$(touch pwned)': 'x', '`touch pwned`': 'x', "a'; touch pwned; '": 'x' };
    const { run } = await bench(files);
    expect((await run('ls -A | sort; test -e pwned && echo PWNED')).output).not.toContain('PWNED');
    const asArgument = await run('cat -- "$1"', { args: ['$(touch pwned)'] });
    expect(asArgument).toMatchObject({ ok: true, output: 'x' });
  });

  test('the data directory, the home of Converge, its own sources and other runs are not there', async () => {
    const data = scratch();
    mkdirSync(join(data, 'journal'));
    writeFileSync(join(data, 'journal/converge.sqlite'), CANARY);
    const { run } = await bench({ 'a.txt': 'a' }, { directory: join(data, 'sandbox', 'run-1') });
    const { output } = await run(
      'find / -xdev -name "converge.sqlite" 2>/dev/null; ls -d "$1" "$2" /root /var /opt/* /srv /mnt /media /run /sys /boot 2>&1',
      {
        args: [data, process.cwd()],
      },
    );
    expect(output).not.toContain(CANARY);
    for (const path of [data, process.cwd(), '/root', '/run', '/sys', '/var'])
      expect(output).toContain(`'${path}': No such file or directory`);
  });
});
