import { randomUUID } from 'node:crypto';
import type { Json } from '../../src/domain/json.ts';
import { ConvergeError, Suspended } from '../../src/domain/errors.ts';
import type { Plan, PlanDraft } from '../../src/domain/plan.ts';
import type { Shard } from '../../src/domain/shard.ts';
import type { CallOutcome, Journal } from '../../src/journal/journal.ts';
import type { PrimitivePorts } from '../../src/primitives/primitive.ts';
import { openPrimitives } from '../../src/primitives/table.ts';
import { journal, plan, PlayedAgents, project, RUN, shard, shell, stillOld } from '../verify/support.ts';
import type { Play, Project } from '../verify/support.ts';
import { guardOf } from '../secrets/support.ts';

export const BASE = {
  'src/a.js': 'import { old } from "./lib.js";\nexport const a = old(1, 2);\n',
  'src/b.js': 'import { old } from "./lib.js";\nexport const b = old(3, 4);\n',
  'src/lib.js': 'export const old = (x, y) => x - y;\n',
};

export const SHARDS: readonly Shard[] = [shard('sa', ['src/a.js']), shard('sb', ['src/b.js'])];

/** Migrates for real by text, accepts as a verifier, answers as a reader. */
export const diligent: Play = async (task) => {
  if (task.role === 'verifier') return { answer: { findings: [] } };
  if (task.role === 'reader') return { answer: 'an answer' };
  for (const path of await task.workspace.list('src/*.js')) {
    const read = await task.workspace.read(path);
    if (!task.mayWrite(path).ok || read.kind !== 'file') continue;
    const text = read.bytes
      .toString()
      .replaceAll('old', 'fresh')
      .replace(/fresh\((\d), (\d)\)/u, 'fresh($2, $1)');
    await task.workspace.write(path, Buffer.from(text));
  }
  return { answer: { summary: `did ${task.label}` } };
};

export interface BenchOptions {
  readonly play?: Play;
  readonly plan?: Partial<Omit<Plan, 'draft'>> & { readonly draft?: Partial<PlanDraft> };
  readonly shards?: readonly Shard[];
  readonly there?: Project;
  readonly journal?: Journal;
  readonly signal?: AbortSignal;
  readonly ports?: Partial<PrimitivePorts>;
}

/** The primitives on a real repository and journal, called as the script's runtime calls them. */
export async function bench(options: BenchOptions = {}) {
  const there = options.there ?? (await project(BASE));
  const whole = plan(there.base, options.shards ?? SHARDS, options.plan ?? {});
  const store = options.journal ?? (await journal());
  const agents = new PlayedAgents(store, options.play ?? diligent);
  const commands = shell(there.repository);
  const signal = options.signal ?? new AbortController().signal;
  const primitives = openPrimitives({
    run: RUN,
    task: 'Please replace old().',
    plan: whole,
    journal: store,
    repository: there.repository,
    agents,
    commands,
    predicate: stillOld,
    retryWaits: [1, 1],
    secrets: guardOf(),
    signal,
    ...options.ports,
  });

  /** Issues, performs and settles under a key of its own. */
  const outcome = async (kind: string, args: readonly Json[], key = `${kind}-${randomUUID()}`): Promise<CallOutcome> => {
    const prepared = await primitives.prepare(kind, args);
    await store.issue(RUN, [{ key, kind, label: prepared.label, phase: 'Phase', input: prepared.identity }]);
    const ended = await prepared.perform(key);
    await store.settle(RUN, key, ended);
    return ended;
  };
  /** The value as the script sees it. */
  const call = async (kind: string, ...args: readonly Json[]): Promise<Json> => {
    const ended = await outcome(kind, args);
    if (ended.kind !== 'value') throw new Error(`${kind}: ${ended.kind === 'null' ? ended.cause : ended.message}`);
    return primitives.view(kind, ended.value);
  };
  /** What the script is told it did wrong: while preparing, or as the end of the call. */
  const wrong = async (kind: string, ...args: readonly Json[]): Promise<string> => {
    try {
      const ended = await outcome(kind, args);
      if (ended.kind === 'throw') return ended.message;
    } catch (error) {
      if (error instanceof ConvergeError && error.kind === 'script') return error.message;
      if (error instanceof Suspended) return `suspended: ${error.message}`;
      throw error;
    }
    throw new Error(`${kind} was not refused`);
  };
  return { there, plan: whole, journal: store, agents, commands, primitives, outcome, call, wrong };
}

/** A change or verdict as the script hands it back. */
export function id(value: Json): { readonly id: string } {
  if (value !== null && typeof value === 'object' && 'id' in value && typeof value.id === 'string') return { id: value.id };
  throw new Error(`no handle: ${JSON.stringify(value)}`);
}
