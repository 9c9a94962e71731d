import { openChecks } from '../../src/verify/checks.ts';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Check, Plan, PlanDraft } from '../../src/domain/plan.ts';
import type { Shard } from '../../src/domain/shard.ts';
import { gateContext, runGates } from '../../src/verify/gates.ts';
import { openCommands } from '../../src/sandbox/commands-of.ts';
import type { Commands } from '../../src/sandbox/commands.ts';
import { scratch } from '../git/origin.ts';
import { change, edits, plan, project, shard, shell, stillOld } from './support.ts';
import type { Project } from './support.ts';
import { AWS_KEY, GITHUB_TOKEN, guardOf, OWN } from '../secrets/support.ts';

const BASE = {
  'src/a.js': 'import { old } from "./lib.js";\nexport const a = old(1, 2);\n',
  'src/b.js': 'export const b = 1;\n',
  'test/a.test.js':
    "import { test } from 'node:test';\ntest('one', () => {\n  assert.equal(old(1), 1);\n});\ntest('two', () => {\n  assert.equal(old(2), 2);\n});\n",
  'package.json': '{ "name": "x" }\n',
  'config/tsconfig.json': '{ // comment\n}\n',
};

interface Case {
  readonly files?: readonly string[];
  readonly edit: Readonly<Record<string, string | null>>;
  readonly base?: Readonly<Record<string, string>>;
  readonly shard?: Partial<Shard>;
  readonly checks?: readonly Check[];
  readonly failingAtBase?: Plan['failingAtBase'];
  readonly draft?: Partial<PlanDraft>;
  readonly setup?: string;
  readonly protectedPaths?: readonly string[];
}

/** The real commands of a run, with a setup layer. */
async function withSetup({ repository }: Project, setup: string): Promise<Commands> {
  const settings = {
    confinement: 'none',
    setup,
    setupNetwork: [],
    parallel: 1,
    memoryMegabytes: 1024,
    diskMegabytes: 4096,
    readOnly: [],
  } as const;
  const commands = await openCommands({ repository, settings: { ...settings, directory: scratch() } });
  onTestFinished(() => commands.close());
  return { caveats: [], on: (...asked) => commands.on(...asked), close: () => commands.close() };
}

/** Runs all gates on one change; outcomes by gate, and the findings. */
async function gates(given: Case) {
  const there = await project({ ...BASE, ...given.base });
  const own = shard('s1', given.files ?? ['src/a.js'], given.shard);
  const whole = plan(there.base, [own], {
    checks: given.checks ?? [],
    failingAtBase: given.failingAtBase ?? [],
    setup: given.setup ?? null,
    ...(given.protectedPaths === undefined ? {} : { protectedPaths: given.protectedPaths }),
    draft: given.draft ?? {},
  });
  const work = await change(there, own.id, edits(given.edit));
  const commands = given.setup === undefined ? shell(there.repository) : { ...(await withSetup(there, given.setup)), ran: [] };
  const ports = {
    plan: whole,
    repository: there.repository,
    checks: openChecks(commands, new AbortController().signal),
    predicate: stillOld,
    secrets: guardOf({ 'key of the model': OWN }),
  };
  const outcome = await runGates(await gateContext({ change: work, shard: own, under: there.base.tree }, ports));
  const of = (name: string) => outcome.gates.find((gate) => gate.gate === name);
  return { ...outcome, of, outcomes: Object.fromEntries(outcome.gates.map((gate) => [gate.gate, gate.outcome])), ran: commands.ran };
}

const GOOD = { 'src/a.js': 'import { fresh } from "./lib.js";\nexport const a = fresh(2, 1);\n' };

test('a good change passes all gates that can be asked', async () => {
  const { outcomes, findings } = await gates({ edit: GOOD });
  expect(outcomes).toEqual({
    'not-empty': 'passed',
    'paths-owned': 'passed',
    'protected-paths': 'passed',
    'no-links-or-submodules': 'passed',
    parses: 'passed',
    'predicate-false': 'passed',
    'no-suppressions': 'passed',
    'tests-kept': 'skipped',
    'no-secrets': 'passed',
  });
  expect(findings).toEqual([]);
});

test('every gate finding blocks, has evidence and a place', async () => {
  const { findings } = await gates({ edit: { 'src/b.js': 'export const b = 2 as any; // eslint-disable\n', 'src/a.js': 'const (;\n' } });
  expect(findings.length).toBeGreaterThan(1);
  for (const finding of findings) expect(finding).toMatchObject({ severity: 'blocking', source: 'gate', evidence: expect.anything() });
});

test('not-empty: a change without a difference fails', async () => {
  const { of, findings } = await gates({ edit: {} });
  expect(of('not-empty')?.outcome).toBe('failed');
  expect(findings[0]?.claim).toContain('src/a.js');
});

describe('paths-owned', () => {
  test("another shard's file, changed or added or deleted, fails and is named", async () => {
    const { of, findings } = await gates({ edit: { ...GOOD, 'src/b.js': null, 'src/new.js': 'export {};\n' } });
    expect(of('paths-owned')).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('src/b.js') });
    expect(findings.filter((finding) => finding.rule === 'paths-owned').map((finding) => finding.path)).toEqual(['src/b.js', 'src/new.js']);
  });

  test("what the plan's rename patterns make of a file belongs to the shard, anything else does not", async () => {
    const draft = { renames: [{ from: 'src/(.*)\\.js', to: 'src/$1.ts' }] };
    const moved = await gates({ edit: { 'src/a.js': null, 'src/a.ts': GOOD['src/a.js'] }, draft });
    expect(moved.of('paths-owned')?.outcome).toBe('passed');
    const elsewhere = await gates({ edit: { 'src/a.js': null, 'lib/a.ts': GOOD['src/a.js'] }, draft });
    expect(elsewhere.of('paths-owned')).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('lib/a.ts') });
  });
});

describe('protected-paths', () => {
  const edit = { 'package.json': '{ "name": "y" }\n' };

  test('a protected path fails, though the shard owns it', async () => {
    const { of } = await gates({ files: ['package.json'], edit });
    expect(of('protected-paths')?.outcome).toBe('failed');
  });

  test('the approved plan may name it', async () => {
    const { of } = await gates({ files: ['package.json'], edit, draft: { touchesProtected: ['package.json'] } });
    expect(of('protected-paths')?.outcome).toBe('passed');
  });

  test('workflows and the configuration of Converge are protected whatever the plan lists', async () => {
    for (const path of ['.github/workflows/ci.yml', '.github/converge.yml']) {
      const { of } = await gates({ files: [path], edit: { [path]: 'enabled: true\n' } });
      expect(of('protected-paths')?.outcome, path).toBe('failed');
    }
  });
});

describe('what checks run', () => {
  const renames = [{ from: 'src/(.*)\\.js', to: '$1.config.js' }];

  test('a file that decides what checks run, and that no shard of the plan has, fails though a rename pattern makes it', async () => {
    const edit = { 'src/a.js': null, 'a.config.js': GOOD['src/a.js'] };
    expect((await gates({ edit, draft: { renames } })).of('protected-paths')?.outcome).toBe('passed');
    const runner = [{ from: 'src/a\\.js', to: 'vitest.config.js' }];
    const { of, findings } = await gates({ edit: { 'src/a.js': null, 'vitest.config.js': GOOD['src/a.js'] }, draft: { renames: runner } });
    expect(of('protected-paths')).toMatchObject({ outcome: 'failed', detail: 'protected: vitest.config.js' });
    expect(findings.find(({ rule }) => rule === 'protected-paths')?.claim).toContain('it decides what checks run: the test runner');
  });

  test('a file that a shard of the plan has may change, whatever it decides', async () => {
    const { of } = await gates({ files: ['tsconfig.json'], edit: { 'tsconfig.json': '{}\n' } });
    expect(of('protected-paths')?.outcome).toBe('passed');
  });

  describe('in a package.json', () => {
    const was = '{ "name": "y", "scripts": { "test": "node --test" }, "dependencies": { "old": "1" } }\n';
    const without = '{ "name": "y", "scripts": { "test": "node --test" } }\n';
    const empty = '{ "name": "y", "scripts": { "test": "true" } }\n';
    const outcome = async (text: string, task: string, touchesProtected: string[] = []): Promise<string | undefined> => {
      const given = {
        files: ['package.json'],
        base: { 'package.json': was },
        edit: { 'package.json': text },
        shard: { kind: 'closing', task },
      } as const;
      return (await gates({ ...given, protectedPaths: [], draft: { touchesProtected } })).of('protected-paths')?.outcome;
    };

    test('other parts may change, its scripts only when the plan speaks of them or names the file', async () => {
      expect(await outcome(without, 'Remove the dependency old.')).toBe('passed');
      expect(await outcome(empty, 'Remove the dependency old.')).toBe('failed');
      expect(await outcome('{ "name": "y" }\n', 'Remove the dependency old.')).toBe('failed');
      expect(await outcome('not json\n', 'Remove the dependency old.')).toBe('failed');
      expect(await outcome(empty, 'Remove old, and let the script `test` of package.json run nothing.')).toBe('passed');
      expect(await outcome(empty, 'Remove the dependency old.', ['package.json'])).toBe('passed');
    });

    test.each([
      'Migrate package.json and the JavaScript in it to TypeScript, as its description says.',
      'Let all scripts be TypeScript.',
      'Run scripts/build.ts; remove old from package.json.',
    ])('words that only hold its name, or speak of other scripts, name none: %s', async (task) => {
      expect(await outcome(empty, task)).toBe('failed');
    });

    test('a key of a tool is named as a whole word too, beside the name of the file; each rule of the guide speaks for itself', async () => {
      const ava = '{ "name": "y", "scripts": { "test": "node --test" }, "dependencies": { "old": "1" }, "ava": { "files": [] } }\n';
      expect(await outcome(ava, 'Remove what Java makes available from package.json.')).toBe('failed');
      expect(await outcome(ava, 'Let `ava` of package.json run no file.')).toBe('passed');
      const given = { files: ['package.json'], base: { 'package.json': was }, edit: { 'package.json': empty }, protectedPaths: [] };
      const guided = async (...texts: readonly string[]) =>
        (await gates({ ...given, draft: { guide: texts.map((text, at) => ({ id: `G${at + 1}`, title: 'TypeScript', text })) } })).of(
          'protected-paths',
        )?.outcome;
      expect(await guided('Remove old from package.json.', 'Let scripts be written in TypeScript.')).toBe('failed');
      expect(await guided('Let the scripts of package.json run nothing.')).toBe('passed');
    });
  });
});

describe('parses', () => {
  test('a file that no longer parses fails with its line', async () => {
    const { of, findings } = await gates({ edit: { 'src/a.js': 'export const a = 1;\nfunction f( { return 1 }\n' } });
    expect(of('parses')?.outcome).toBe('failed');
    expect(findings.find((finding) => finding.rule === 'parses')).toMatchObject({ path: 'src/a.js', line: 2, side: 'RIGHT' });
  });

  test('a bracket that is missing at the end is seen, also without an error in the middle', async () => {
    expect((await gates({ edit: { 'src/a.js': 'if (a) {\n  b();\n' } })).of('parses')?.outcome).toBe('failed');
  });

  test('a file that did not parse before is not held against the change', async () => {
    const { of } = await gates({ base: { 'src/a.js': 'const x: = <;\n' }, edit: { 'src/a.js': 'const x: = < 2;\n' } });
    expect(of('parses')?.outcome).not.toBe('failed');
  });

  test('JSON is parsed; JSON with comments by custom and other languages are not asked, and that is said', async () => {
    const json = await gates({ files: ['data.json'], edit: { 'data.json': '{ "a": 1, }\n' } });
    expect(json.of('parses')?.outcome).toBe('failed');
    const rest = await gates({
      files: ['config/tsconfig.json', 'x.py'],
      edit: { 'config/tsconfig.json': '{ // more\n}\n', 'x.py': 'def (' },
    });
    expect(rest.of('parses')).toEqual({ gate: 'parses', outcome: 'skipped', detail: 'no parser: config/tsconfig.json, x.py' });
  });
});

describe('predicate-false', () => {
  test('a file with something left fails', async () => {
    const { of, findings } = await gates({ edit: { 'src/a.js': `${GOOD['src/a.js']}old(3);\n` } });
    expect(of('predicate-false')?.outcome).toBe('failed');
    expect(findings[0]).toMatchObject({ rule: 'predicate-false', path: 'src/a.js' });
  });

  test('a file of the inventory that was not touched fails too', async () => {
    const { of } = await gates({ files: ['src/a.js', 'src/b.js'], edit: { 'src/b.js': 'export const b = 2;\n' } });
    expect(of('predicate-false')?.outcome).toBe('failed');
  });

  test('a deleted file is done; a renamed one is asked under its new name', async () => {
    const draft = { renames: [{ from: '(.*)\\.js', to: '$1.ts' }] };
    expect((await gates({ edit: { 'src/a.js': null }, draft })).of('predicate-false')?.outcome).toBe('passed');
    const renamed = await gates({ edit: { 'src/a.js': null, 'src/a.ts': BASE['src/a.js'] }, draft });
    expect(renamed.of('predicate-false')).toMatchObject({ outcome: 'failed', detail: 'still to migrate: `src/a.ts`' });
  });

  test('a foundation shard has nothing to ask', async () => {
    const { of } = await gates({
      files: ['src/lib.js'],
      shard: { kind: 'foundation', task: 'add it' },
      edit: { 'src/lib.js': 'old();\n' },
    });
    expect(of('predicate-false')?.outcome).toBe('skipped');
  });
});

describe('no-suppressions', () => {
  const added = [
    ['x.ts', '// @ts-ignore'],
    ['x.ts', '// @ts-nocheck'],
    ['x.js', '/* eslint-disable no-undef */'],
    ['x.js', '// oxlint-disable-next-line'],
    ['x.js', '// biome-ignore lint: no'],
    ['x.ts', 'const y = z as any;'],
    ['x.ts', 'let y: any;'],
    ['x.py', 'import x  # type: ignore'],
    ['x.py', 'import x  # noqa: E501'],
    ['x.js', "it.skip('a', () => {});"],
    ['x.js', "test.only('a', () => {});"],
    ['x.js', "suite['skip']('a', () => {});"],
    ['x.js', "xit('a', () => {});"],
    ['x.js', "xdescribe('a', () => {});"],
    ['x.js', "test.todo('a');"],
    ['x.js', "it.todo('a');"],
    ['x.js', "test('a', { skip: true }, () => {});"],
    ['x.js', "test('a', (t) => t.skip());"],
    ['x.py', '@pytest.mark.skip'],
  ] as const;

  test('each of them is found, at its line', async () => {
    const named = added.map(([path, line], index) => ({ path: path.replace('x', `x${index}`), line }));
    const edit = Object.fromEntries(named.map(({ path, line }) => [path, `const one = 1;\n${line}\n`]));
    const { of, findings } = await gates({ files: named.map(({ path }) => path), edit });
    expect(of('no-suppressions')?.outcome).toBe('failed');
    const found = findings.filter((finding) => finding.rule === 'no-suppressions');
    for (const { path, line } of named)
      expect(
        found.map((finding) => [finding.path, finding.line]),
        line,
      ).toContainEqual([path, 2]);
  });

  test('what only moved, within a file or to another, does not count; one more does', async () => {
    const base = { 'src/a.js': '// eslint-disable-next-line x\nold(1);\n\n\n\n\n\n\nold(2);\n' };
    const moved = {
      'src/a.js': 'fresh(1);\n\n\n\n\n\n\n\nfresh(2);\n',
      'src/b.js': '// eslint-disable-next-line x\nexport const b = 1;\n',
    };
    expect((await gates({ files: ['src/a.js', 'src/b.js'], base, edit: moved })).of('no-suppressions')?.outcome).toBe('passed');
    const more = { ...moved, 'src/b.js': '// eslint-disable-next-line x\n// eslint-disable-next-line y\nexport const b = 1;\n' };
    const { of, findings } = await gates({ files: ['src/a.js', 'src/b.js'], base, edit: more });
    expect(of('no-suppressions')?.outcome).toBe('failed');
    expect(findings.map((finding) => finding.evidence)).toEqual([{ kind: 'lines', before: '', after: '// eslint-disable-next-line y' }]);
  });

  test('ordinary code and prose with the same words pass', async () => {
    const code = 'const rest = items.skip(10).only;\nconst anyone = company;\nconst options = { skip: 3 };\nstream.todo;\n';
    const { of } = await gates({ files: ['x.ts', 'README.md'], edit: { 'x.ts': code, 'README.md': 'Use `it.skip(` never.\n' } });
    expect(of('no-suppressions')?.outcome).toBe('passed');
  });
});

describe('tests-kept', () => {
  const files = ['test/a.test.js'];
  const kept =
    "import { test } from 'node:test';\ntest('one', () => {\n  assert.equal(fresh(1), 1);\n});\ntest('two', () => {\n  assert.equal(fresh(2), 2);\n});\n";

  test('as many tests and assertions pass', async () => {
    expect((await gates({ files, edit: { 'test/a.test.js': kept } })).of('tests-kept')?.outcome).toBe('passed');
  });

  test('a test that is gone, or commented out, fails with the numbers', async () => {
    for (const text of [kept.replace(/test\('two'[^]*/u, ''), kept.replace(/test\('two'[^]*/u, (part) => part.replaceAll(/^/gmu, '// '))]) {
      const { of } = await gates({ files, edit: { 'test/a.test.js': text } });
      expect(of('tests-kept')).toMatchObject({
        outcome: 'failed',
        detail: 'test/a.test.js has 1 test where there were 2. Bring back every test, none skipped.',
      });
    }
  });

  test('a hollowed-out test fails', async () => {
    const { of } = await gates({ files, edit: { 'test/a.test.js': kept.replace('assert.equal(fresh(2), 2);', 'fresh(2);') } });
    expect(of('tests-kept')).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('1 assertion where there were 2') });
  });

  test('a deleted test file fails; renamed by the plan it does not', async () => {
    expect((await gates({ files, edit: { 'test/a.test.js': null } })).of('tests-kept')?.outcome).toBe('failed');
    const draft = { renames: [{ from: 'test/(.*)\\.test\\.js', to: 'test/$1.spec.js' }] };
    const edit = { 'test/a.test.js': null, 'test/a.spec.js': kept };
    expect((await gates({ files, edit, draft })).of('tests-kept')?.outcome).toBe('passed');
    const poorer = { 'test/a.test.js': null, 'test/a.spec.js': kept.replace(/test\('two'[^]*/u, '') };
    expect((await gates({ files, edit: poorer, draft })).of('tests-kept')?.outcome).toBe('failed');
  });
});

describe('shard checks', () => {
  const checks: readonly Check[] = [
    { name: 'fresh', run: 'grep -q fresh src/a.js || { echo "no fresh in a.js"; exit 3; }', when: 'shard' },
    { name: 'whole', run: 'exit 1', when: 'converged' },
  ];

  test("run on the change's tree; those for the whole are left alone", async () => {
    const { of, ran } = await gates({ edit: GOOD, checks });
    expect(of('check:fresh')?.outcome).toBe('passed');
    expect(ran).toHaveLength(1);
  });

  test('a failing one gives its output as evidence', async () => {
    const { of, findings } = await gates({ edit: { 'src/a.js': 'export const a = 1;\n' }, checks });
    expect(of('check:fresh')).toMatchObject({ outcome: 'failed', detail: expect.stringContaining('exit 3') });
    expect(findings[0]?.evidence).toEqual({ kind: 'command', name: 'fresh', output: 'no fresh in a.js' });
  });

  const UNIT = { name: 'unit', run: 'true', when: 'shard' } as const;
  const LOCKED = { 'package-lock.json': '{ "ok": 1 }\n' };
  const FOUNDATION = { files: ['package-lock.json'], shard: { kind: 'foundation', task: 'add the library' } } as const;
  const SETUP = 'grep -q ok package-lock.json || { echo "no such package: fresh"; exit 3; }';

  test('when setup fails with the change and works on the base, the gate fails: its output is the evidence', async () => {
    const edit = { 'package-lock.json': '{ "fresh": 1 }\n' };
    const { of, findings } = await gates({ ...FOUNDATION, base: LOCKED, edit, checks: [UNIT], setup: SETUP });
    expect(of('check:unit')).toMatchObject({ outcome: 'failed', detail: expect.not.stringContaining('no such package') });
    expect(findings).toMatchObject([
      {
        rule: 'check:unit',
        severity: 'blocking',
        path: 'package-lock.json',
        claim: expect.stringContaining('on the base it works'),
        evidence: { kind: 'command', name: SETUP, output: expect.stringContaining('no such package: fresh') },
      },
    ]);
  });

  test('when setup works with neither, nothing is known of the change', async () => {
    const edit = { 'package-lock.json': '{ "ok": 2 }\n' };
    const { of, findings } = await gates({ ...FOUNDATION, base: LOCKED, edit, checks: [UNIT], setup: 'exit 1' });
    expect(of('check:unit')).toMatchObject({ outcome: 'unknown', detail: expect.stringContaining('could not be run') });
    expect(findings).toEqual([]);
  });

  test('a check that the machine killed is neither passed nor failed', async () => {
    const { of, findings } = await gates({ edit: GOOD, checks: [{ ...UNIT, run: "sh -c 'kill -9 $$'; exit $?" }] });
    expect(of('check:unit')).toMatchObject({ outcome: 'unknown', detail: expect.stringContaining('killed from outside') });
    expect(findings).toEqual([]);
  });

  test('one that fails on the base already proves nothing and is not run', async () => {
    const { of, ran } = await gates({ edit: GOOD, checks, failingAtBase: [{ check: 'fresh', output: '' }] });
    expect(of('check:fresh')).toMatchObject({ outcome: 'skipped', detail: expect.stringContaining('already fails on the base') });
    expect(ran).toEqual([]);
  });

  test('no command runs on a change that reaches outside of its shard', async () => {
    expect((await gates({ edit: { ...GOOD, 'src/b.js': null }, checks })).ran).toEqual([]);
  });
});

describe('no-secrets', () => {
  const withKey = (key: string): string => `${GOOD['src/a.js']}export const key = '${key}';\n`;

  test.each([
    ['a token', GITHUB_TOKEN, 'GitHub token'],
    ['one of our own', OWN, 'key of the model'],
  ])('%s that was nowhere before is red, and no word of it is repeated', async (_what, secret, name) => {
    const result = await gates({ edit: { 'src/a.js': withKey(secret) } });
    expect(result.of('no-secrets')).toEqual({ gate: 'no-secrets', outcome: 'failed', detail: 'new secrets: src/a.js' });
    expect(result.findings).toMatchObject([{ rule: 'no-secrets', severity: 'blocking', path: 'src/a.js', line: 3 }]);
    expect(result.findings[0]?.claim).toContain(`looks like a secret (${name})`);
    expect(JSON.stringify(result)).not.toContain(secret);
  });

  test.each([
    ['in the same file', { 'src/a.js': `${BASE['src/a.js']}export const key = '${GITHUB_TOKEN}';\n` }],
    ['in another file', { 'test/keys.json': `{ "key": "${GITHUB_TOKEN}" }\n` }],
  ])('what was there before, %s, does not block', async (_where, base) => {
    const { of } = await gates({ base, edit: { 'src/a.js': withKey(GITHUB_TOKEN) } });
    expect(of('no-secrets')?.outcome).toBe('passed');
  });

  test('the same password behind another scheme is nothing new; another password is', async () => {
    const url = (scheme: string, password: string): string => [`${scheme}://bob`, `${password}@db.internal.corp/x`].join(':');
    const base = { 'src/a.js': `${BASE['src/a.js']}connect('${url('postgres', 's3cretPassw0rd')}');\n` };
    const moved = await gates({ base, edit: { 'src/a.js': withKey(url('postgresql', 's3cretPassw0rd')) } });
    expect(moved.of('no-secrets')?.outcome).toBe('passed');
    const fresh = await gates({ base, edit: { 'src/a.js': withKey(url('postgresql', 'an0therSecret')) } });
    expect(fresh.of('no-secrets')?.outcome).toBe('failed');
  });

  test('a comment that switches linters off does not switch it off, nor does a file that is no text', async () => {
    const hidden = await gates({
      edit: { 'src/a.js': `// secretlint-disable\n${withKey(AWS_KEY).replace('export const key', 'export const aws_secret_access_key')}` },
    });
    expect(hidden.of('no-secrets')?.outcome).toBe('failed');
  });
});
