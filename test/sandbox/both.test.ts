import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { scratch } from '../git/origin.ts';
import { bench, withoutSandbox } from './repository.ts';

/** Whether some process of the machine has this text in its arguments. */
function running(text: string): boolean {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/u.test(name))
    .some((pid) => cmdline(pid).includes(text));
}

function cmdline(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s*(\d+)$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

/** What holds with and without a sandbox. */
for (const confinement of ['bubblewrap', 'none'] as const) {
  describe.skipIf(confinement === 'bubblewrap' && withoutSandbox)(`commands, confinement ${confinement}`, () => {
    test('exit code, both outputs in order, arguments as data', async () => {
      const { run } = await bench({ 'a b.txt': 'hello\n' }, { confinement });
      const result = await run('cat "$1"; echo one; echo two >&2; echo three; exit 3', { args: ['a b.txt', '$(touch x)'] });
      expect(result).toEqual({ ok: false, exitCode: 3, output: 'hello\none\ntwo\nthree\n', ended: 'exit' });
      expect(await run('printf %s "$2"; test ! -e x', { args: ['', '$(touch x)'] })).toEqual({
        ok: true,
        exitCode: 0,
        output: '$(touch x)',
        ended: 'exit',
      });
    });

    test('the Node in use runs, and no secret is in the environment', async () => {
      const { run } = await bench({ 'a.mjs': 'console.log(process.version + JSON.stringify(process.env))' }, { confinement });
      const result = await run('node a.mjs');
      expect(result.output).toContain(process.version);
      const environment = JSON.parse(result.output.slice(process.version.length)) as Record<string, string>;
      expect(environment['CI']).toBe('true');
      const expected = new Set(['CI', 'HOME', 'LANG', 'NO_COLOR', 'OLDPWD', 'PATH', 'PWD', 'SHLVL', 'TMPDIR', 'USER', '_']);
      expect(Object.keys(environment).filter((name) => !expected.has(name))).toEqual([]);
    });

    test('D1 the tree is there with its modes, and nothing of the command before', async () => {
      const { run, directory } = await bench({ 'a.txt': 'a' }, { confinement, parallel: 1 });
      expect((await run('echo changed > a.txt; touch left .hidden "$HOME/left" "$TMPDIR/left"; mkdir -m 000 shut')).ok).toBe(true);
      expect(await run('cat a.txt; ls -A . "$HOME" "$TMPDIR"')).toMatchObject({
        ok: true,
        output: expect.stringMatching(/^a\.:\na\.txt\n[^a]/u),
      });
      expect((await run('ls -A "$HOME" "$TMPDIR"')).output).not.toContain('left');
      const places = readdirSync(join(directory, 'checkouts')).flatMap((name) => readdirSync(join(directory, 'checkouts', name)));
      expect(places).toEqual([]);
    });

    test('a command that takes too long ends with all its processes', async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      const mark = `86400.${process.pid}${confinement === 'none' ? 1 : 2}`;
      const result = await run(`echo begun; sleep ${mark} & setsid sleep ${mark} & wait`, { seconds: 1 });
      expect(result).toMatchObject({
        ok: false,
        exitCode: 124,
        ended: 'timeout',
        output: 'begun\n\nconverge: ended after its limit of 1 s',
      });
      expect(running(mark)).toBe(false);
    });

    test('what a command leaves in the background ends with it', async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      const mark = `86400.${process.pid}${confinement === 'none' ? 3 : 4}`;
      expect(await run(`sleep ${mark} & echo done`)).toEqual({ ok: true, exitCode: 0, output: 'done\n', ended: 'exit' });
      expect(running(mark)).toBe(false);
    });

    test('much output is kept from both ends, too much ends the command', { timeout: 60_000 }, async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      const much = await run('echo first; head -c 3000000 /dev/zero | tr "\\0" x; echo; echo last');
      expect(much.ok).toBe(true);
      expect(Buffer.byteLength(much.output)).toBeLessThanOrEqual(256 * 1024);
      expect(much.output).toMatch(/^first\nx+\n… 27\d+ bytes left out …\nx+\nlast\n$/u);
      expect(await run('yes')).toMatchObject({ ok: false, ended: 'output' });
    });

    test('an abort ends the command, and one that waited never starts', async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement, parallel: 1 });
      const flag = new AbortController();
      const mark = `86400.${process.pid}${confinement === 'none' ? 5 : 6}`;
      const [first, second] = [run(`sleep ${mark}`, { signal: flag.signal }), run('echo never', { signal: flag.signal })];
      await expect.poll(() => running(mark), { timeout: 10_000 }).toBe(true);
      flag.abort();
      expect(await first).toMatchObject({ ok: false, ended: 'aborted' });
      expect(await second).toEqual({ ok: false, exitCode: 137, output: '', ended: 'aborted' });
      expect(running(mark)).toBe(false);
    });

    test('a command that a signal from outside ends has not failed', async () => {
      const mark = `86400.${process.pid}${confinement === 'none' ? 7 : 8}`;
      const runs = join(scratch(), 'runs');
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      const going = run(`echo x >> ${runs}; if test "$(grep -c x ${runs})" = 2; then exit 0; fi; exec sleep ${mark}`);
      await expect.poll(() => running(`sleep\0${mark}`), { timeout: 10_000 }).toBe(true);
      const ours = readdirSync('/proc').filter((pid) => /^\d+$/u.test(pid) && parentOf(pid) === process.pid && cmdline(pid).includes(mark));
      expect(ours).toHaveLength(1);
      for (const pid of ours) process.kill(Number(pid), 'SIGTERM');
      // Without a sandbox it may have been the command itself, so that it is run once more.
      if (confinement === 'none') expect(await going).toMatchObject({ ok: true });
      else
        await expect(going).rejects.toMatchObject({
          kind: 'sandbox',
          retry: 'later',
          message: expect.stringContaining('from outside by SIGTERM'),
        });
      await expect.poll(() => running(mark), { timeout: 10_000 }).toBe(false);
    });

    test('a command whose own part a signal ended is run once more; what ends so twice is believed', async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      expect(await run('kill -TERM $$')).toMatchObject({ ok: false, exitCode: 143, ended: 'exit' });
      expect(await run('sh -c "kill -INT \\$\\$"; exit $?')).toMatchObject({ ok: false, exitCode: 130, ended: 'exit' });
      expect(await run('kill -SEGV $$')).toMatchObject({ ok: false, exitCode: 139, ended: 'exit' });
    });

    test('a setup that a signal ended is done again when it is needed again', async () => {
      const outside = scratch();
      mkdirSync(join(outside, 'seen'));
      const { run } = await bench(
        { 'a.txt': 'a', 'package.json': '{}' },
        {
          confinement,
          setup: 'if test -e seen/again; then touch made; else exit 143; fi',
          readOnly: [{ from: join(outside, 'seen'), at: 'seen' }],
        },
      );
      await expect(run('cat made')).rejects.toMatchObject({ kind: 'sandbox', retry: 'later' });
      writeFileSync(join(outside, 'seen/again'), '');
      expect(await run('cat made')).toMatchObject({ ok: true });
    });

    test('a tree of processes that eats memory is ended', async () => {
      const { run } = await bench(
        { 'eat.mjs': 'const all = []; setInterval(() => all.push(Buffer.alloc(20e6, 1)), 20);' },
        { confinement, memoryMegabytes: 400 },
      );
      const result = await run('node eat.mjs & node eat.mjs & node eat.mjs & wait; echo all ended; exit 1');
      expect(result.ok).toBe(false);
      expect(result.ended).toBe('memory');
      expect(result.output).toContain('converge: ended at its limit of 400 MB');
    });

    test('a fork bomb is ended, by the limit of processes or by the watch', { timeout: 60_000 }, async () => {
      const { run } = await bench({ 'a.txt': 'a' }, { confinement });
      const mark = `86400.${process.pid}${confinement === 'none' ? 7 : 8}`;
      const result = await run(`i=0; while [ $i -lt 1300 ]; do sleep ${mark} & i=$((i + 1)); done; wait`);
      expect(result.ok).toBe(false);
      if (result.ended === 'exit') expect(result.output).toContain('annot fork');
      else expect(result.ended).toBe('memory');
      expect(running(mark)).toBe(false);
    });

    test('setup runs once for the same lock files, and all commands see what it made', async () => {
      const files = { 'package-lock.json': '{}', 'src/a.js': 'console.log(require("dep"))', 'sub/x.txt': 'x' };
      const setup =
        'echo ran; mkdir -p node_modules/dep sub/node_modules; echo "module.exports = 42" > node_modules/dep/index.js; echo f > added.txt; echo changed > sub/x.txt; ln -s /etc link; date +%N > node_modules/stamp';
      const { run, repository, tree, directory, commands } = await bench(files, { confinement, setup });
      const [first, second] = await Promise.all([
        run('node src/a.js; cat node_modules/stamp'),
        run('node src/a.js; cat node_modules/stamp'),
      ]);
      expect(first.output).toMatch(/^42\n\d+\n$/u);
      expect(second.output).toBe(first.output);
      expect((await run('cat sub/x.txt added.txt; ls -d sub/node_modules; test ! -e link')).output).toBe('xf\nsub/node_modules\n');
      const edited = await repository.layer(tree, [
        [{ path: 'src/a.js', mode: '100644', content: { utf8: 'console.log(require("dep") + 1)' } }],
      ]);
      expect((await run('node src/a.js; cat node_modules/stamp', { tree: edited })).output).toBe(first.output.replace('42', '43'));
      const locked = await repository.layer(tree, [[{ path: 'package-lock.json', mode: '100644', content: { utf8: '{"new": 1}' } }]]);
      expect((await run('cat node_modules/stamp', { tree: locked })).output).not.toBe(first.output.replace('42\n', ''));
      await commands.close();
      expect(readdirSync(join(directory, 'layers'))).toHaveLength(2);
    });

    test('a setup that fails is told with the end of its output, once', async () => {
      const counter = join(scratch(), 'counter');
      writeFileSync(counter, '');
      const { run } = await bench({ 'a.txt': 'a' }, { confinement, setup: `echo no network here; echo x >> ${counter}; exit 7` });
      await expect(run('true')).rejects.toMatchObject({
        kind: 'sandbox',
        message: expect.stringMatching(/setup command .* failed with exit code 7[^]*no network here/u),
      });
      await expect(run('true')).rejects.toThrow('exit code 7');
      if (confinement === 'none') expect(readFileSync(counter, 'utf8')).toBe('x\n');
    });

    test("the operator's directories are seen where they were told to be", async () => {
      const host = scratch();
      mkdirSync(join(host, 'dep'));
      writeFileSync(join(host, 'dep/index.js'), 'module.exports = "installed"');
      const { run } = await bench(
        { 'a.js': 'console.log(require("dep"))' },
        { confinement, readOnly: [{ from: host, at: 'node_modules' }] },
      );
      expect((await run('node a.js')).output).toBe('installed\n');
      expect(existsSync(join(host, 'dep/index.js'))).toBe(true);
      await expect(bench({ 'a.js': '' }, { confinement, readOnly: [{ from: host, at: '../x' }] })).rejects.toThrow(
        '`../x` is no place in a checkout',
      );
    });
  });
}

test('without a sandbox the caveats say so', async () => {
  const { commands } = await bench({ 'a.txt': 'a' }, { confinement: 'none' });
  expect(commands.caveats).toEqual(["commands ran without a sandbox (operator's choice)"]);
});

test('D3 what a killed process left in the pool is removed', async () => {
  const directory = join(scratch(), 'sandbox');
  mkdirSync(join(directory, 'checkouts/999999999-5.dead/1/checkout'), { recursive: true });
  await bench({ 'a.txt': 'a' }, { confinement: 'none', directory });
  expect(readdirSync(join(directory, 'checkouts')).some((name) => name.includes('dead'))).toBe(false);
});

test('a directory that cannot be used is told with what to do', async () => {
  const file = join(scratch(), 'file');
  execFileSync('touch', [file]);
  await expect(bench({ 'a.txt': 'a' }, { confinement: 'none', directory: join(file, 'x') })).rejects.toMatchObject({
    kind: 'sandbox',
    message: expect.stringMatching(/directory for checkouts cannot be used.*Make it writable/u),
  });
});
