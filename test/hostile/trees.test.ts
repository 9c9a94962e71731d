import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ToolName } from '../../src/agents/agent.ts';
import { openToolbox } from '../../src/agents/toolbox.ts';
import type { Desk } from '../../src/agents/tools/tool.ts';
import type { Overlay } from '../../src/domain/change.ts';
import { gateContext, runGates } from '../../src/verify/gates.ts';
import { writeRule } from '../../src/verify/ownership.ts';
import { openChecks } from '../../src/verify/checks.ts';
import { openRepository } from '../../src/git/mirror.ts';
import { Origin, BOT, git, scratch } from '../git/origin.ts';
import { guardOf } from '../secrets/support.ts';
import { change, plan, shard, shell, stillOld, type Project } from '../verify/support.ts';

const TOOLS: readonly ToolName[] = ['read', 'glob', 'grep', 'edit', 'write', 'remove'];

/** A repository with a file, a link out of it, a submodule and an executable, and the real tools of the agent that owns `owned`. */
async function agentOf(owned: readonly string[], more: Parameters<typeof plan>[2] = {}) {
  const origin = new Origin({ 'src/a.js': 'old(1);\n', 'src/b.js': 'old(2);\n', 'bin/run': '#!/bin/sh\n' });
  const target = git(origin.clone, ['hash-object', '-w', '--stdin'], { input: '../../../../etc/passwd' });
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `120000,${target},src/link`]);
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `120000,${target},bin/up`]);
  git(origin.clone, ['update-index', '--add', '--cacheinfo', `160000,${origin.head()},vendor/sub`]);
  git(origin.clone, ['update-index', '--chmod=+x', 'bin/run']);
  git(origin.clone, ['commit', '--quiet', '-m', 'odd things']);
  git(origin.clone, ['push', '--quiet', 'origin', 'HEAD:main']);
  const repository = await origin.mirror();
  const { commit, tree } = await repository.pin({ run: 'r1', commit: origin.head() });
  const there: Project = { repository, base: { branch: 'main', commit, tree } };
  const mine = shard('mine', owned);
  const whole = plan(there.base, [mine], more);
  const workspace = repository.workspace(tree);
  const desk: Desk = {
    workspace,
    mayWrite: writeRule(whole, mine),
    checks: [],
    runCheck: () => Promise.reject(new Error('none')),
  };
  const box = openToolbox({ tools: TOOLS, checks: [], submit: null });
  const use = async (name: string, input: unknown) => {
    const { content, is_error: failed = false } = await box.run({ type: 'tool_use', id: 'x', name, input }, desk);
    return { text: typeof content === 'string' ? content : '', failed };
  };
  return { origin, there, plan: whole, shard: mine, workspace, use };
}

/** Names that some file system, some git or some careless code takes for something else. */
const NAMES = [
  '',
  '/etc/passwd',
  '../outside',
  'src/../../outside',
  'src/./a.js',
  'src//a.js',
  'src/a.js\0.txt',
  'src/\u0007bell',
  'src/a\r\nb',
  'src\\..\\..\\outside',
  '.git/config',
  '.GIT/hooks/pre-commit',
  'sub/.Git/config',
  '.git./config',
  '.git /config',
  '.git. . /config',
  '.git::$INDEX_ALLOCATION/config',
  '.git.:stream',
  '.git :$DATA',
  'GIT~1/config',
  '.g\u200cit/config',
  '.gi\u200dt/config',
  '\ufeff.git/config',
  '.git\u202e/config',
  '.gıt\ud800',
  `${'x'.repeat(256)}/a`,
  `${'x/'.repeat(2_100)}a`,
] as const;

test('names that lead elsewhere are neither read, written, edited nor removed, by an agent that believes it owns them', async () => {
  const { use, workspace } = await agentOf([...NAMES, 'src/a.js']);
  const taken: string[] = [];
  for (const name of NAMES) {
    const answers = [
      await use('write', { file_path: name, content: 'pwned' }),
      await use('edit', { file_path: name, old_string: 'old', new_string: 'pwned' }),
      await use('remove', { file_path: name }),
      await use('read', { file_path: name }),
    ];
    if (answers.some(({ failed }) => !failed)) taken.push(name);
  }
  expect(taken).toEqual([]);
  expect(await workspace.overlay()).toEqual([]);
});

test('names that lead elsewhere, in a journal that somebody forged, make no tree', async () => {
  const { there, workspace } = await agentOf(['src/a.js']);
  for (const path of NAMES) {
    const forged: Overlay = [{ path, mode: '100644', content: { utf8: 'pwned' } }];
    await expect(there.repository.layer(there.base.tree, [forged]), JSON.stringify(path)).rejects.toMatchObject({ kind: 'git' });
    await expect(workspace.restore(forged), JSON.stringify(path)).rejects.toMatchObject({ kind: 'git' });
  }
});

test('a link is shown, never followed, never written through, replaced or removed', async () => {
  const { use, workspace } = await agentOf(['src/link', 'bin/up', 'bin/up/x']);
  expect((await use('read', { file_path: 'src/link' })).text).toContain('Links are not followed');
  for (const path of ['src/link', 'bin/up', 'bin/up/x', 'src/link/x'])
    expect(await use('write', { file_path: path, content: 'pwned' })).toMatchObject({ failed: true });
  expect(await use('remove', { file_path: 'src/link' })).toMatchObject({ failed: true });
  expect((await use('grep', { pattern: 'root:' })).text).toContain('No line matches');
  expect((await use('glob', { pattern: '**' })).text).not.toContain('link');
  expect(await workspace.overlay()).toEqual([]);
});

test('a submodule is not entered, not written, not moved', async () => {
  const { use, workspace } = await agentOf(['vendor/sub', 'vendor/sub/x']);
  for (const path of ['vendor/sub', 'vendor/sub/x'])
    expect(await use('write', { file_path: path, content: 'x' })).toMatchObject({ failed: true });
  expect(await use('remove', { file_path: 'vendor/sub' })).toMatchObject({ failed: true });
  expect(await workspace.overlay()).toEqual([]);
});

test.each([
  ['a file where a folder is', 'src', 'is a directory'],
  ['a folder where a file is', 'src/a.js/x', 'is a file'],
])('%s is refused', async (_what, path, why) => {
  const { use, there } = await agentOf([path]);
  expect((await use('write', { file_path: path, content: 'x' })).text).toContain(why);
  const forged: Overlay = [{ path, mode: '100644', content: { utf8: 'x' } }];
  await expect(there.repository.layer(there.base.tree, [forged])).rejects.toMatchObject({ kind: 'git' });
});

test('no agent makes a file executable: its writes keep the mode that was there', async () => {
  const { use, workspace } = await agentOf(['new.sh', 'bin/run', 'src/a.js']);
  await use('write', { file_path: 'new.sh', content: '#!/bin/sh\n' });
  await use('write', { file_path: 'src/a.js', content: '#!/bin/sh\n' });
  await use('write', { file_path: 'bin/run', content: '#!/bin/sh\necho\n' });
  const modes = (await workspace.overlay()).map((edit) => [edit.path, 'deleted' in edit ? null : edit.mode]);
  expect(modes).toEqual([
    ['bin/run', '100755'],
    ['new.sh', '100644'],
    ['src/a.js', '100644'],
  ]);
});

test('protected files are not written, in whatever case, although the shard has them', async () => {
  const files = [
    '.github/workflows/ci.yml',
    '.GitHub/Workflows/ci.yml',
    '.github/converge.yml',
    'docs/codeowners',
    'claude.md',
    'pkg/Agents.MD',
  ];
  const protectedPaths = ['.github/**', '**/CODEOWNERS', '**/CLAUDE.md', '**/AGENTS.md'];
  const { use, workspace } = await agentOf(files, { protectedPaths });
  for (const path of files) expect((await use('write', { file_path: path, content: 'on: push' })).text, path).toContain('is protected');
  expect(await workspace.overlay()).toEqual([]);
});

test('a rename pattern leads to no protected file', async () => {
  const draft = { renames: [{ from: '(.*)/(.*)\\.js', to: '.github/workflows/$2.yml' }] };
  const { use, workspace } = await agentOf(['src/a.js'], { draft });
  expect((await use('write', { file_path: '.github/workflows/a.yml', content: 'on: push' })).text).toContain('is protected');
  expect(await workspace.overlay()).toEqual([]);
});

describe('changes of an agent that got around its tools', () => {
  const link: Overlay = [{ path: 'src/b.js', mode: '100644', content: { utf8: 'fresh(2);\n' } }];
  test.each<[string, Overlay, string]>([
    ["another shard's file", link, 'paths-owned'],
    ['a deleted file of another shard', [{ path: 'src/b.js', deleted: true }], 'paths-owned'],
    ['a workflow', [{ path: '.github/workflows/x.yml', mode: '100644', content: { utf8: 'on: push' } }], 'protected-paths'],
    ['a file that it made executable', [{ path: 'bin/run', mode: '100644', content: { utf8: '#!/bin/sh\n' } }], 'paths-owned'],
  ])('%s fails a gate, and no command runs on it', async (_what, overlay, gate) => {
    const {
      there,
      plan: whole,
      shard: mine,
    } = await agentOf(['src/a.js'], {
      checks: [{ name: 'unit', run: 'true', when: 'shard' }],
    });
    const commands = shell(there.repository);
    const made = await change(there, 'mine', overlay);
    const checks = openChecks(commands, new AbortController().signal);
    const ports = { plan: whole, checks, predicate: stillOld, repository: there.repository, secrets: guardOf({}) };
    const outcome = await runGates(await gateContext({ change: made, shard: mine, under: there.base.tree }, ports));
    expect(outcome.gates.filter((one) => one.outcome === 'failed').map((one) => one.gate)).toContain(gate);
    expect(commands.ran).toEqual([]);
  });
});

/** A tree object with any names and modes, written where no check looks. */
function rawTree(repository: string, entries: readonly (readonly [mode: string, name: string, id: string])[]): string {
  const body = Buffer.concat(entries.flatMap(([mode, name, id]) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]));
  return git(repository, ['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], { input: body });
}

const FORGED = [
  '..',
  '.',
  '.git',
  '.GIT',
  '.git.',
  'git~1',
  '.g\u200cit',
  '.git:x',
  '.git.:x',
  '../outside',
  '/etc/outside',
  'a/../../outside',
  '',
];

describe('a tree that its author forged, in a checkout', () => {
  test('names that lead elsewhere write nothing anywhere', async () => {
    const directory = join(scratch(), 'mirror.git');
    const repository = await openRepository({ directory, remote: { url: '/nowhere', token: async () => undefined }, bot: BOT });
    const blob = git(directory, ['hash-object', '-w', '--stdin'], { input: 'pwned' });
    const below = rawTree(directory, [['100644', 'x', blob]]);
    for (const name of FORGED) {
      const outer = scratch();
      mkdirSync(join(outer, 'checkout'));
      for (const entry of [['100644', name, blob] as const, ['40000', name, below] as const]) {
        const tree = rawTree(directory, [entry]);
        await expect(repository.materialise(tree, join(outer, 'checkout')), name).rejects.toMatchObject({ kind: 'git' });
      }
      expect(readdirSync(outer, { recursive: true }), name).toEqual(['checkout']);
    }
    await repository.close();
  });

  test('links, submodules and odd modes are left out, and control characters are only names', async () => {
    const directory = join(scratch(), 'mirror.git');
    const repository = await openRepository({ directory, remote: { url: '/nowhere', token: async () => undefined }, bot: BOT });
    const blob = git(directory, ['hash-object', '-w', '--stdin'], { input: '/etc/passwd' });
    const checkout = scratch();
    const tree = rawTree(directory, [
      ['100644', 'a\u0007b', blob],
      ['120000', 'link', blob],
      ['160000', 'module', blob],
      ['100777', 'odd', blob],
    ]);
    await repository.materialise(tree, checkout);
    await repository.close();
    expect(readdirSync(checkout).toSorted()).toEqual(['a\u0007b', 'odd']);
    expect(readFileSync(join(checkout, 'odd'), 'utf8')).toBe('/etc/passwd');
  });

  test('a link that stands in the way of a file is not written through', async () => {
    const directory = join(scratch(), 'mirror.git');
    const repository = await openRepository({ directory, remote: { url: '/nowhere', token: async () => undefined }, bot: BOT });
    const blob = git(directory, ['hash-object', '-w', '--stdin'], { input: 'pwned' });
    const victim = join(scratch(), 'victim');
    writeFileSync(victim, 'mine');
    const target = git(directory, ['hash-object', '-w', '--stdin'], { input: victim });
    const folder = rawTree(directory, [['100644', 'x', blob]]);
    const tree = rawTree(directory, [
      ['120000', 'twin', target],
      ['100644', 'twin', blob],
      ['120000', 'dir', target],
      ['40000', 'dir', folder],
    ]);
    await repository.materialise(tree, scratch()).catch(() => undefined);
    await repository.close();
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(existsSync(join(victim, 'x'))).toBe(false);
  });
});

test('a file whose lines look like a diff, behind every sign that somebody takes for an end of a line, is one file', async () => {
  const { there } = await agentOf(['src/a.js']);
  const text = [
    'old(1);',
    ...['\r', '\u2028', '\u2029', '\v', '\f', '\u0085'].map((end) => `x${end}diff --git a/b b/b${end}@@ -1,9 +1,9 @@`),
  ].join('\n');
  const tree = await there.repository.layer(there.base.tree, [[{ path: 'src/a.js', mode: '100644', content: { utf8: `${text}\n` } }]]);
  const diff = await there.repository.diff(there.base.tree, tree);
  expect(diff.map(({ path, added, removed }) => ({ path, added, removed }))).toEqual([{ path: 'src/a.js', added: 6, removed: 0 }]);
});
