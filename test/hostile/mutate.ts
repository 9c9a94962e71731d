import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/*
 * `npm run mutate:defences [word…]`: takes one defence away after the other and runs the test that attacks it. Ends with 1 when one goes unnoticed. By hand, not in CI: it changes files of
 * src/ while it runs and puts them back.
 */

/** File below src/, what stands there, what stands there instead, and the test below test/ that must fail. */
const DEFENCES: readonly (readonly [file: string, before: string, after: string, test: string])[] = [
  ['git/paths.ts', 'if (isGitDirectory(part))', 'if (part === ".git")', 'hostile/trees.test.ts'],
  ['git/layer.ts', 'checkPath(path).split', 'path.split', 'hostile/trees.test.ts'],
  ['git/materialise.ts', 'for (const leaf of files) refuseEscape(leaf);', '', 'hostile/trees.test.ts'],
  ['git/diff.ts', String.raw`split(/(?<=\n)(?=diff --git )/u)`, 'split(/^(?=diff --git )/mu)', 'hostile/trees.test.ts'],
  ['git/globs.ts', 'return within(limit, test);', 'return test();', 'hostile/time.test.ts'],
  ['git/environment.ts', "['core.hooksPath', '/dev/null'],", '', 'hostile/git.test.ts'],
  ['git/environment.ts', "['transfer.fsckObjects', 'true'],", '', 'git/mirror.test.ts'],
  ['git/environment.ts', "GIT_NO_REPLACE_OBJECTS: '1',", '', 'hostile/git.test.ts'],
  ['verify/ownership.ts', '{ nocase: true }', '{}', 'hostile/trees.test.ts'],
  [
    'verify/ownership.ts',
    'if (owned.includes(path)) return { ok: true };',
    'if (path !== "") return { ok: true };',
    'primitives/migrate.test.ts',
  ],
  ['verify/gates/paths-owned.ts', 'return outside.length === 0', 'return outside.length >= 0', 'hostile/trees.test.ts'],
  ['sandbox/bubblewrap.ts', "['--unshare-all', '--unshare-user']", "['--unshare-user', '--unshare-pid']", 'hostile/commands.test.ts'],
  [
    'sandbox/setup-layer.ts',
    '(entry.isDirectory() || entry.isFile())',
    '(entry.isDirectory() || entry.isFile() || entry.isSymbolicLink())',
    'hostile/commands.test.ts',
  ],
  ['script/guest/world.js', "set(NativeDate.prototype, 'constructor', GuardedDate);", '', 'hostile/script.test.ts'],
  ['script/guest/basics.js', 'if (depth > 100)', 'if (depth > 1e9)', 'hostile/script.test.ts'],
  [
    'primitives/handles.ts',
    'if (verdict.change === change.id) return verdict;',
    'if (verdict.change !== "") return verdict;',
    'hostile/handles.test.ts',
  ],
  ['primitives/accept.ts', 'if (answered < plan.limits.reviewers)', 'if (answered < 0)', 'primitives/accept.test.ts'],
  ['primitives/answer-schema.ts', 'within(LIMIT, () => type.safeParse(answer))', 'type.safeParse(answer)', 'hostile/time.test.ts'],
  ['agents/prompt.ts', 'const mark = markFor(text);', "const mark = '0123456789';", 'hostile/incidents.test.ts'],
  ['domain/command-text.ts', '|| isDeep(source)', '', 'hostile/time.test.ts'],
  [
    'github/events.ts',
    "if (sender.type !== 'User' || comment.user.type !== 'User')",
    "if (sender.type === 'nobody')",
    'hostile/incidents.test.ts',
  ],
  [
    'github/site.ts',
    'return author?.id === (await site.bot()).id;',
    'return author !== undefined && (await site.bot()).id !== 0;',
    'github/effects.test.ts',
  ],
];

/** Without its defence an attack may never end: that is noticed, too. */
const MOST_MS = 120_000;

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

function notices(test: string): boolean {
  const args = [at('node_modules/vitest/vitest.mjs'), 'run', '--dir', 'test', '--bail=1', '--test-timeout=60000', `test/${test}`];
  // A sandbox that does not hold is no sandbox: then its tests must fail, and not be skipped.
  const env = { ...process.env, CONVERGE_DEMAND_SANDBOX: '1' };
  return spawnSync(process.execPath, args, { cwd: at('.'), env, stdio: 'ignore', timeout: MOST_MS, killSignal: 'SIGKILL' }).status !== 0;
}

const wanted = process.argv.slice(2);
let unnoticed = 0;
for (const [file, before, after, test] of DEFENCES) {
  if (wanted.length > 0 && !wanted.some((word) => file.includes(word))) continue;
  const path = at(`src/${file}`);
  const whole = readFileSync(path, 'utf8');
  if (whole.split(before).length !== 2)
    throw new Error(`src/${file}: expected once \`${before}\`. The list is older than the file: mend it.`);
  writeFileSync(
    path,
    whole.replace(before, () => after),
  );
  try {
    const noticed = notices(test);
    if (!noticed) unnoticed += 1;
    console.log(`${noticed ? 'noticed  ' : 'UNNOTICED'} ${file}: ${before}`);
  } finally {
    writeFileSync(path, whole);
  }
}
process.exitCode = unnoticed === 0 ? 0 : 1;
