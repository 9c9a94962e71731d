import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

import { runAccount, type Account, type AccountLimits } from '../../src/domain/account.ts';
import type { Allowance } from '../../src/domain/allowance.ts';
import { NO_USAGE, type MicroDollars, type Usage } from '../../src/domain/budget.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { IssuedCall, Journal, Reservation } from '../../src/journal/journal.ts';

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
  comment: '0',
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
  return {
    id,
    amount: 100,
    tokens: 10,
    accounts: [anAccount('r')],
    owner: 'p1',
    agent: 'agent#1',
    phase: 'work',
    model: 'claude-test',
    ...changes,
  };
}

export function anAccount(run: string, limits: AccountLimits = { dollars: 1000 }): Account {
  return { name: runAccount(run), limits };
}

export function anAllowance(run: string, limits: AccountLimits, concurrency = 16): Allowance {
  return { accounts: [anAccount(run, limits)], concurrency };
}

/** What a run spent and has reserved, in micro-dollars. */
export async function spendingOf(journal: Journal, run: string): Promise<{ spent: MicroDollars; reserved: MicroDollars; usage: Usage }> {
  const { spent, reserved, usage } = await journal.balance(runAccount(run));
  return { spent: spent.dollars, reserved: reserved.dollars, usage };
}

export function someUsage(changes: Partial<Usage> = {}): Usage {
  return { ...NO_USAGE, ...changes };
}

/** Something in every index table. */
export async function fill(journal: Journal): Promise<void> {
  for (const run of ['a', 'b']) {
    await journal.start({ run, trigger: run, event: STARTED });
    await journal.append(run, [{ type: 'step.done', step: 'plan', result: {} }]);
    await journal.issue(run, [aCall('1'), aCall('2'), aCall('3')]);
    await journal.settle(run, '2', { kind: 'value', value: 1 });
    await journal.settle(run, '1', { kind: 'null', cause: 'refused' });
    await journal.signal(run, { id: '5', name: 'approve', by: 'mona', text: '' });
    await journal.append(run, [{ type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } }]);
    await journal.intend(run, 'comment', { body: 'x' });
    await journal.intend(run, 'review', null);
    await journal.done(run, 'comment', { id: 4 });
    await journal.reserve(run, aReservation('1', { accounts: [anAccount(run), { name: 'installation/2026-11', limits: {} }] }));
    await journal.reserve(run, aReservation('2', { accounts: [anAccount(run)] }));
    await journal.charge(run, { id: '1', amount: 30, usage: someUsage({ output: 7 }), known: true });
  }
  await journal.intend('comment/8', 'refusal', {});
  await journal.append('a', [{ type: 'run.ended', status: 'completed', why: 'all done', ledger: [] }]);
}
