import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { NO_USAGE, type Usage } from '../../src/domain/budget.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { IssuedCall, Reservation } from '../../src/journal/journal.ts';

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'converge-journal-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

const model = { model: 'claude-test', effort: 'high' } as const;

export const STARTED: Extract<RunEvent, { type: 'run.started' }> = {
  type: 'run.started',
  place: { owner: 'octo', repo: 'farm', installation: 7, number: 3, kind: 'issue' },
  requester: { login: 'mona', id: 42 },
  comment: '1001',
  task: 'move to node:test',
  settings: {
    base: 'main',
    paths: [],
    limits: {
      budget: 5_000_000,
      agents: 1000,
      concurrency: 16,
      reviewers: 2,
      rounds: 3,
      turnsPerAgent: 40,
      secondsPerAgent: 900,
      budgetPerAgent: 1_000_000,
    },
    models: { planner: model, reader: model, migrator: model, reviser: model, verifier: model },
    setup: null,
    checks: [{ name: 'test', run: 'npm test', when: 'shard' }],
    protectedPaths: ['.github/**'],
    exclude: [],
    approvers: { logins: [], permission: 'write' },
    publishShards: false,
    planOnly: false,
    planOnlyReason: null,
  },
};

export function aCall(key: string, changes: Partial<IssuedCall> = {}): IssuedCall {
  return { key, kind: 'agent', label: `label of ${key}`, phase: 'work', input: { prompt: key }, ...changes };
}

export function aReservation(id: string, changes: Partial<Reservation> = {}): Reservation {
  return { id, amount: 100, limit: 1000, agent: 'agent#1', phase: 'work', model: 'claude-test', ...changes };
}

export function someUsage(changes: Partial<Usage> = {}): Usage {
  return { ...NO_USAGE, ...changes };
}
