import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentTask } from '../../src/agents/agent.ts';
import { openAgents } from '../../src/agents/open-agents.ts';
import { PRODUCTION_TIMINGS } from '../../src/agents/timings.ts';
import { runAccount } from '../../src/domain/account.ts';
import { Suspended } from '../../src/domain/errors.ts';
import type { Workspace } from '../../src/git/workspace.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { guardOf } from '../secrets/support.ts';

export interface Crowd {
  readonly url: string;
  readonly agents: number;
  readonly concurrency: number;
  /** System blocks of all of them. */
  readonly system: readonly string[];
}

export interface Ended {
  readonly seconds: number;
  /** That did not end with an answer. */
  readonly lost: number;
}

/** So many readers at once, through the pool, the conversation loop, the scheduler and a journal on disk, with production's waits. */
export async function crowd({ url, agents: count, concurrency, system }: Crowd): Promise<Ended> {
  const directory = await mkdtemp(join(tmpdir(), 'converge-bench-'));
  const journal = await openSqliteJournal({ directory });
  const agents = openAgents({
    client: { apiKey: 'k', baseUrl: url },
    journal,
    allowanceOf: (run) => ({ accounts: [{ name: runAccount(run), limits: { dollars: 1e12 } }], concurrency }),
    timings: PRODUCTION_TIMINGS,
    off: () => null,
    discretion: { secrets: guardOf({ key: 'a key as long as such keys are' }) },
    concurrency,
  });
  const { signal } = new AbortController();
  const started = performance.now();
  const ends = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      try {
        return (await agents.run(task(at, system), signal)).ending;
      } catch (error) {
        if (error instanceof Suspended) return error.reason;
        throw error;
      }
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await agents.close();
  await journal.close();
  await rm(directory, { recursive: true });
  return { seconds, lost: ends.filter((ending) => ending !== 'done').length };
}

const EMPTY: Workspace = {
  tree: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  read: () => Promise.resolve({ kind: 'absent' }),
  list: () => Promise.resolve([]),
  special: () => Promise.resolve([]),
  grep: () => Promise.resolve({ matches: [], cut: false }),
  write: () => Promise.resolve(),
  remove: () => Promise.resolve(),
  overlay: () => Promise.resolve([]),
  restore: () => Promise.resolve(),
};

function task(at: number, system: readonly string[]): AgentTask<string> & { readonly submit: null } {
  return {
    id: `agent-${at}`,
    run: 'bench',
    role: 'reader',
    label: `part ${at}`,
    phase: 'Look',
    model: 'claude-sonnet-5-5',
    effort: 'high',
    system,
    brief: `Look at part ${at}.`,
    workspace: EMPTY,
    tools: ['read', 'glob', 'grep'],
    mayWrite: () => ({ ok: false, reason: 'Readers write nothing.' }),
    checks: [],
    runCheck: () => Promise.reject(new Error('no checks here')),
    submit: null,
    limits: { turns: 20, seconds: 600, budget: 1e9 },
  };
}
