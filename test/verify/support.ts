import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { AgentOutcome, Agents, AgentTask, Submission } from '../../src/agents/agent.ts';
import { contentOf } from '../../src/domain/change.ts';
import type { Change, Overlay } from '../../src/domain/change.ts';
import type { Plan, PlanDraft } from '../../src/domain/plan.ts';
import type { Shard } from '../../src/domain/shard.ts';
import { changeId } from '../../src/git/change-id.ts';
import type { Repository } from '../../src/git/workspace.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import type { Commands } from '../../src/sandbox/commands.ts';
import type { FilePredicate } from '../../src/verify/gate.ts';
import { Origin } from '../git/origin.ts';
import { temporaryDirectory } from '../journal/support.ts';

export const RUN = 'run-1';

export interface Project {
  readonly repository: Repository;
  readonly base: Plan['base'];
}

/** A real repository with these files, mirrored and pinned. */
export async function project(files: Readonly<Record<string, string>>): Promise<Project> {
  const origin = new Origin(files);
  const repository = await origin.mirror();
  const { commit, tree } = await repository.pin({ run: RUN, commit: origin.head() });
  return { repository, base: { branch: 'main', commit, tree } };
}

export function shard(id: string, files: readonly string[], more: Partial<Shard> = {}): Shard {
  return { id, kind: 'inventory', files, owner: null, after: [], task: '', ...more };
}

const MODEL = { model: 'claude-sonnet-5-5', effort: 'high' } as const;
const RANGE = { low: 0, expected: 0, worst: 0 };

export function plan(
  base: Plan['base'],
  shards: readonly Shard[],
  more: Partial<Omit<Plan, 'draft'>> & { readonly draft?: Partial<PlanDraft> } = {},
): Plan {
  const draft: PlanDraft = {
    title: 'From old() to fresh()',
    intent: 'Every call of old becomes a call of fresh.',
    predicate: { kind: 'regex', pattern: 'old\\(', flags: '' },
    scope: { include: ['**'], exclude: [] },
    sharding: { by: 'size', maxFiles: 5 },
    order: [],
    foundation: [],
    closing: [],
    guide: [{ id: 'G1', title: 'Calls', text: 'old(a, b) becomes fresh(b, a).' }],
    checks: [],
    renames: [],
    touchesProtected: [],
    risks: [],
    script: 'default',
    ...more.draft,
  };
  return {
    script: '',
    base,
    inventory: shards.filter((one) => one.kind === 'inventory').flatMap((one) => one.files),
    skipped: [],
    shards,
    checks: [],
    failingAtBase: [],
    setup: null,
    protectedPaths: ['package.json'],
    limits: {
      budget: 50_000_000,
      agents: 100,
      concurrency: 4,
      reviewers: 2,
      rounds: 3,
      turnsPerAgent: 40,
      secondsPerAgent: 600,
      budgetPerAgent: 5_000_000,
    },
    models: { planner: MODEL, reader: MODEL, migrator: MODEL, reviser: MODEL, verifier: MODEL },
    estimate: { agents: RANGE, inputTokens: RANGE, outputTokens: RANGE, cost: RANGE, pushes: 1, contents: 1 },
    notes: [],
    hash: 'f'.repeat(64),
    ...more,
    draft,
  };
}

/** Edits as an overlay: text writes, null removes. */
export function edits(files: Readonly<Record<string, string | null>>): Overlay {
  return Object.entries(files)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, text]) => (text === null ? { path, deleted: true } : { path, mode: '100644', content: contentOf(Buffer.from(text)) }));
}

export async function change(given: Project, shardId: string, overlay: Overlay): Promise<Change> {
  const { repository, base } = given;
  const tree = await repository.layer(base.tree, [overlay]);
  const id = changeId({ shard: shardId, on: [], overlay, baseTree: base.tree });
  const files = overlay.map((edit) => edit.path);
  return { id, shard: shardId, on: [], overlay, tree, files, added: 1, removed: 1, summary: 'done', replaces: null, revision: 0 };
}

/** The plan's predicate in a test: the old call is still there. */
export const stillOld: FilePredicate = { holds: async (_path, bytes) => Buffer.from(bytes).includes('old(') };

/** Really runs commands, in a directory with the tree's files; counts them. */
export function shell(repository: Repository): Commands & { readonly ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    caveats: [],
    close: () => Promise.resolve(),
    on: async (tree, request) => {
      ran.push(request.run);
      const directory = await mkdtemp(join(tmpdir(), 'converge-check-'));
      try {
        await repository.materialise(tree, directory);
        return await new Promise((resolve) => {
          execFile('/bin/sh', ['-c', request.run, 'sh', ...(request.args ?? [])], { cwd: directory }, (error, stdout, stderr) => {
            const exitCode = error === null ? 0 : Number(error.code ?? 1);
            resolve({ ok: exitCode === 0, exitCode, output: stdout + stderr, ended: 'exit' });
          });
        });
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}

/** A journal on disk in which the run has started. */
export async function journal(): Promise<Journal> {
  const opened = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => opened.close());
  return opened;
}

/** How a played agent ends: with an answer, which must pass the submission's own tests, or otherwise. */
export type Play = (
  task: AgentTask<unknown>,
) => Promise<{ readonly answer: unknown } | { readonly ending: 'failed' | 'exhausted' | 'refused'; readonly cause: string }>;

/** A scripted `Agents`: every conversation is a function that edits the workspace and answers. Refused answers go back to it, as in the real one. */
export class PlayedAgents implements Agents {
  readonly tasks: AgentTask<unknown>[] = [];
  readonly refused: string[] = [];
  readonly #play: Play;
  readonly #journal: Journal;

  constructor(journal: Journal, play: Play) {
    this.#journal = journal;
    this.#play = play;
  }

  async run(task: AgentTask<string> & { readonly submit: null }): Promise<AgentOutcome<string>> {
    const played = await this.#begin(task);
    if (!('answer' in played)) return played;
    return { ending: 'done', answer: String(played.answer), text: String(played.answer), overlay: [] };
  }

  async submit<Answer>(task: AgentTask<Answer> & { readonly submit: Submission<Answer> }): Promise<AgentOutcome<Answer>> {
    let played = await this.#begin(task);
    let objections = 0;
    for (let attempt = 1; 'answer' in played; attempt += 1) {
      const parsed = task.submit.schema.safeParse(played.answer);
      const problems = parsed.success ? ((await task.submit.examine?.(parsed.data, objections)) ?? []) : [parsed.error.message];
      if (parsed.success && problems.length === 0) {
        return { ending: 'done', answer: parsed.data, text: '', overlay: await task.workspace.overlay() };
      }
      if (parsed.success) objections += 1;
      this.refused.push(...problems);
      if (attempt >= task.submit.attempts) return { ending: 'failed', cause: `not taken ${attempt} times` };
      played = await this.#play(task as AgentTask<unknown>);
    }
    return played;
  }

  async #begin<Answer>(task: AgentTask<Answer>): ReturnType<Play> {
    const { id: agent, role, label, phase, model } = task;
    this.tasks.push(task as AgentTask<unknown>);
    await this.#journal.append(task.run, [{ type: 'agent.started', agent, role, label, phase, model }]);
    return this.#play(task as AgentTask<unknown>);
  }
}
