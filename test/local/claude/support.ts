import { execFile } from 'node:child_process';
import { cp, mkdtemp, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import type { MessageParam, Tool as SdkTool, ToolResultBlockParam } from '@anthropic-ai/sdk/resources/messages';
import picomatch from 'picomatch';
import { checkTool } from '../../../src/agents/tools/check.ts';
import { editTool } from '../../../src/agents/tools/edit.ts';
import { globTool } from '../../../src/agents/tools/glob.ts';
import { grepTool } from '../../../src/agents/tools/grep.ts';
import { readTool } from '../../../src/agents/tools/read.ts';
import type { Desk, Tool } from '../../../src/agents/tools/tool.ts';
import { writeTool } from '../../../src/agents/tools/write.ts';
import type { Workspace } from '../../../src/git/workspace.ts';

const run = promisify(execFile);

export const FIXTURE = fileURLToPath(new URL('../../../fixtures/repositories/assert-to-node-test', import.meta.url));

/** A copy of the fixture with a first commit. */
export async function copyFixture(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tally-'));
  await cp(FIXTURE, directory, { recursive: true });
  await commit(directory);
  return directory;
}

export async function commit(directory: string): Promise<void> {
  const git = (...args: string[]) => run('git', ['-c', 'user.name=t', '-c', 'user.email=t@localhost', ...args], { cwd: directory });
  await git('init', '-q');
  await git('add', '-A');
  await git('commit', '-q', '--allow-empty', '-m', 'base');
}

export async function diffOf(directory: string, paths: readonly string[]): Promise<string> {
  await run('git', ['add', '-N', '.'], { cwd: directory });
  return (await run('git', ['diff', '--no-ext-diff', '--', ...paths], { cwd: directory })).stdout;
}

export async function remove(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true });
}

export const textIn = (directory: string, path: string): Promise<string> => readFile(join(directory, path), 'utf8');

export async function put(directory: string, path: string, text: string): Promise<void> {
  await mkdir(dirname(join(directory, path)), { recursive: true });
  await writeFile(join(directory, path), text);
}

export async function filesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .filter((path) => !path.startsWith('.git/'))
    .sort();
}

/** The repository's own suite: whether it passed, and how many tests did. */
export async function suiteOf(directory: string): Promise<{ ok: boolean; passed: number; output: string }> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const ended = await run(process.execPath, ['run-tests.js'], { cwd: directory, env, maxBuffer: 1 << 26 }).then(
    ({ stdout }) => ({ ok: true, output: stdout }),
    (error: { stdout?: string }) => ({ ok: false, output: error.stdout ?? '' }),
  );
  const count = (pattern: RegExp): number => Number(pattern.exec(ended.output)?.[1] ?? 0);
  return { ...ended, passed: count(/^# lib\/bdd: .* (\d+) passed/m) + count(/^# pass (\d+)$/m) };
}

/** As much of a workspace as the tools use, on a plain directory. */
function workspaceOn(directory: string): Workspace {
  const unused = (): never => {
    throw new Error('not used here');
  };
  return {
    tree: 'none',
    read: async (path) => {
      const found = await stat(join(directory, path)).catch(() => null);
      if (found === null) return { kind: 'absent' };
      return found.isDirectory() ? { kind: 'directory' } : { kind: 'file', bytes: await readFile(join(directory, path)), mode: '100644' };
    },
    list: async (glob) => (await filesIn(directory)).filter((path) => glob === undefined || picomatch.isMatch(path, glob, { dot: true })),
    special: async () => [],
    grep: async (pattern, options = {}) => {
      const args = ['grep', '-n', '-I', '-E', '--untracked', '-e', pattern];
      const { stdout } = await run('git', args, { cwd: directory, maxBuffer: 1 << 26 }).catch(() => ({ stdout: '' }));
      const globs = options.paths ?? [];
      const matches = stdout.split('\n').flatMap((line) => {
        const found = /^([^:]+):(\d+):(.*)$/.exec(line);
        const path = found?.[1] ?? '';
        const wanted = globs.length === 0 || globs.some((glob) => picomatch.isMatch(path, glob, { dot: true }));
        return found === null || !wanted ? [] : [{ path, line: Number(found[2]), text: found[3] ?? '' }];
      });
      return { matches: matches.slice(0, options.limit ?? 1000), cut: matches.length > (options.limit ?? 1000) };
    },
    write: (path, bytes) => put(directory, path, Buffer.from(bytes).toString('utf8')),
    remove: (path) => rm(join(directory, path)),
    overlay: async () => [],
    restore: unused,
  };
}

export interface Seat {
  readonly url: string;
  readonly directory: string;
  readonly system: string;
  readonly brief: string;
  readonly submit: SdkTool.InputSchema;
  /** Paths that may be written; none for readers. */
  readonly owns?: readonly string[];
  readonly model?: string;
  /** Offers the tool `check`, which runs the repository's suite. */
  readonly checked?: boolean;
}

export interface Told {
  readonly answer: unknown;
  readonly text: string;
  readonly turns: number;
  readonly calls: readonly string[];
}

/** One conversation with the local Claude over HTTP, through the SDK and Converge's own tools. */
export async function converse(seat: Seat): Promise<Told> {
  const client = new Anthropic({ apiKey: 'local', baseURL: seat.url, maxRetries: 0, openTelemetry: false });
  const edits = seat.owns === undefined ? 'none' : 'own';
  const check = checkTool(['test'], edits);
  const tools: Tool[] = [
    readTool(edits),
    globTool(edits),
    grepTool(edits),
    ...(seat.owns === undefined ? [] : [writeTool, editTool]),
    ...(seat.checked === true ? [check] : []),
  ];
  const definitions = [...tools.map((tool) => tool.definition), { name: 'submit', description: 'Hands in.', input_schema: seat.submit }];
  const desk = deskOn(seat);
  const messages: MessageParam[] = [{ role: 'user', content: seat.brief }];
  const calls: string[] = [];
  let answer: unknown;
  for (let turns = 1; turns <= 30; turns += 1) {
    const reply = await client.messages
      .stream({ model: seat.model ?? 'claude-sonnet-5-5', max_tokens: 64_000, system: seat.system, tools: definitions, messages })
      .finalMessage();
    const used = reply.content.filter((block) => block.type === 'tool_use');
    if (used.length === 0)
      return { answer, text: reply.content.map((block) => (block.type === 'text' ? block.text : '')).join(''), turns, calls };
    messages.push({ role: 'assistant', content: reply.content });
    const results: ToolResultBlockParam[] = [];
    for (const { id, name, input } of used) {
      calls.push(name);
      if (name === 'submit') answer = input;
      const tool = tools.find((one) => one.definition.name === name);
      const told = name === 'submit' ? { text: 'Taken.', failed: false } : await tool?.run(input, desk);
      results.push({ type: 'tool_result', tool_use_id: id, content: told?.text ?? 'no such tool', is_error: told?.failed ?? true });
    }
    messages.push({ role: 'user', content: results });
  }
  throw new Error(`no end after 30 turns: ${calls.join(' ')}`);
}

function deskOn({ directory, owns = [] }: Seat): Desk {
  return {
    workspace: workspaceOn(directory),
    mayWrite: (path) => (owns.includes(path) ? { ok: true } : { ok: false, reason: 'not yours' }),
    checks: ['test'],
    runCheck: async () => {
      const { ok, output } = await suiteOf(directory);
      return { ok, exitCode: ok ? 0 : 1, ended: 'exit', output, cut: false, seconds: 0 };
    },
  };
}

const template = (path: string): Promise<string> => readFile(new URL(`../../../src/${path}`, import.meta.url), 'utf8');

/** A prompt of Converge with its places filled; places that are not named stay empty. */
export async function prompt(path: string, values: Readonly<Record<string, string>> = {}): Promise<string> {
  return (await template(path)).replaceAll(/\{\{([\w-]+)\}\}/g, (_place, name: string) => values[name] ?? '');
}

export const listed = (paths: readonly string[]): string => paths.map((path) => `- ${path}`).join('\n');
