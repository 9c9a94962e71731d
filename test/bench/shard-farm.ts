import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Shard } from '../../src/domain/shard.ts';

const FILES = 15_000;
const FILES_A_SHARD = 8;
/** Every shard begins so many files after the one before, so that nearly every folder has one. */
const STRIDE = 30;
const WORDS = 'const value return await import from list index total price order invoice customer date format parse build render'.split(
  ' ',
);
const ENVIRONMENT = {
  PATH: process.env['PATH'] ?? '/usr/bin:/bin',
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'b',
  GIT_AUTHOR_EMAIL: 'b@b',
  GIT_COMMITTER_NAME: 'b',
  GIT_COMMITTER_EMAIL: 'b@b',
};

/** git as a person runs it. */
export function git(cwd: string, args: readonly string[], input: string | Buffer = ''): Buffer {
  return execFileSync('git', args, { cwd, env: ENVIRONMENT, input, maxBuffer: 2 ** 30, stdio: ['pipe', 'pipe', 'ignore'] });
}

function said(cwd: string, args: readonly string[]): string {
  return git(cwd, args).toString('utf8').trim();
}

/** 25 packages of 15 folders of 40 files. */
function pathOf(at: number): string {
  const part = (value: number): string => String(value).padStart(2, '0');
  return `packages/p${part(Math.floor(at / 600))}/src/part${part(Math.floor(at / 40) % 15)}/file${part(at % 40)}.ts`;
}

/** 2 to 6 kB of lines, the same in every run; some call what is to be migrated. */
function textOf(at: number): string {
  const lines: string[] = [];
  let seed = at + 1;
  for (let line = 0; line < 50 + (at % 100); line += 1) {
    const words = Array.from({ length: 5 }, () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return `${WORDS[seed % WORDS.length] ?? ''}${seed % 97}`;
    });
    lines.push(line % 25 === 3 ? `  old(${words.slice(0, 2).join(', ')}); // ${at}` : `  ${words.join(' ')};`);
  }
  return `${lines.join('\n')}\n`;
}

/** What every shard's agent does with each file. */
export function migrated(text: string): string {
  return text.replaceAll(/\bold\((\w+), (\w+)\)/gu, 'fresh($2, $1)');
}

export function shardsOf(count: number): readonly Shard[] {
  return Array.from({ length: count }, (_, at) => ({
    id: `s${String(at + 1).padStart(3, '0')}`,
    kind: 'inventory',
    files: Array.from({ length: FILES_A_SHARD }, (_unused, file) => pathOf(at * STRIDE + file)),
    owner: null,
    after: [],
    task: '',
  }));
}

/** A person's clone, and the bare repository from which fresh remotes are copied. */
export interface Farm {
  readonly clone: string;
  readonly bare: string;
  readonly head: string;
}

export function plantFarm(directory: string): Farm {
  const clone = join(directory, 'clone');
  const bare = join(directory, 'origin.git');
  for (let at = 0; at < FILES; at += 1) {
    const path = join(clone, pathOf(at));
    if (at % 40 === 0) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, textOf(at));
  }
  git(clone, ['init', '--quiet', '--initial-branch=main']);
  git(clone, ['config', 'gc.auto', '0']);
  git(clone, ['add', '--all']);
  git(clone, ['commit', '--quiet', '--message=Base']);
  git(clone, ['repack', '-adq']);
  git(directory, ['clone', '--quiet', '--bare', '--no-local', clone, bare]);
  git(bare, ['config', 'uploadpack.allowAnySHA1InWant', 'true']);
  git(bare, ['config', 'gc.auto', '0']);
  return { clone, bare, head: said(clone, ['rev-parse', 'HEAD']) };
}

/** A remote that has seen nothing of what was pushed to others. */
export function freshRemote({ bare }: Farm, at: string): void {
  rmSync(at, { recursive: true, force: true });
  cpSync(bare, at, { recursive: true });
}

/** The tree that plain git makes of all the shards' edits in one checkout. */
export function plainTree({ clone }: Farm, shards: readonly Shard[]): string {
  edit(clone, shards);
  git(clone, ['add', '--all']);
  const tree = said(clone, ['write-tree']);
  git(clone, ['reset', '--quiet', '--hard']);
  return tree;
}

export interface Naive {
  readonly edited: number;
  readonly merged: number;
  readonly tree: string;
}

/** A worktree, its edits and its commit for each shard, one after the other; then `git merge` of each. Seconds. */
export function worktrees({ clone, head }: Farm, shards: readonly Shard[], directory: string): Naive {
  const started = performance.now();
  for (const shard of shards) {
    const at = join(directory, shard.id);
    git(clone, ['worktree', 'add', '--quiet', '-b', shard.id, at, head]);
    edit(at, [shard]);
    git(at, ['commit', '--quiet', '--all', `--message=${shard.id}`]);
    git(clone, ['worktree', 'remove', '--force', at]);
  }
  const edited = performance.now();
  const onto = join(directory, 'merged');
  git(clone, ['worktree', 'add', '--quiet', '-b', 'merged', onto, head]);
  const opened = performance.now();
  for (const shard of shards) git(onto, ['merge', '--quiet', '--no-ff', '--no-edit', shard.id]);
  const merged = performance.now() - opened;
  return { edited: (edited - started) / 1000, merged: merged / 1000, tree: said(onto, ['rev-parse', 'HEAD^{tree}']) };
}

function edit(directory: string, shards: readonly Shard[]): void {
  for (const path of shards.flatMap((shard) => shard.files)) {
    const at = join(directory, path);
    writeFileSync(at, migrated(readFileSync(at, 'utf8')));
  }
}

/** All objects that these commits have and `than` has not, as git hashes them: type, length, content. */
export function newObjects(mirror: string, commits: readonly string[], than: string): readonly Buffer[] {
  const ids = git(mirror, ['rev-list', '--objects', '--no-object-names', '--stdin'], `${[...commits, `^${than}`].join('\n')}\n`);
  const out = git(mirror, ['cat-file', '--batch'], ids);
  const objects: Buffer[] = [];
  for (let at = 0; at < out.length;) {
    const line = out.indexOf(0x0a, at);
    const [id, type = '', size = ''] = out.toString('latin1', at, line).split(' ');
    const end = line + 1 + Number(size);
    const whole = Buffer.concat([Buffer.from(`${type} ${size}\0`), out.subarray(line + 1, end)]);
    if (createHash('sha1').update(whole).digest('hex') !== id) throw new Error(`found other bytes than those of ${id}`);
    objects.push(whole);
    at = end + 1;
  }
  return objects;
}
