import { expect, test } from 'vitest';

import type { Octokit } from '@octokit/rest';
import { Suspended } from '../../src/domain/errors.ts';
import { clientOf, HERE, withHub, type HubFixture, type HubFixtureOptions, ownCheck } from './support.ts';

const never = new AbortController().signal;
const FOREVER = 60_000;

/** Another App's check run, as GitHub shows one of a CI service. */
async function otherCi(fixture: HubFixture): Promise<Octokit> {
  const { github } = fixture;
  const facts = { slug: 'ci', name: 'CI', permissions: { checks: 'write', statuses: 'write' }, events: [] } as const;
  const app = await github.createApp({ ...facts, webhookUrl: 'http://127.0.0.1:9/', webhookSecret: 'unused' });
  const installation = github.install(app.id, 'acme/widgets');
  return clientOf({ appId: app.id, privateKey: app.privateKey, apiUrl: github.apiUrl, installation });
}

async function onCommit(use: (fixture: HubFixture & { commit: string }) => Promise<void>, options: HubFixtureOptions = {}): Promise<void> {
  await withHub(async (fixture) => use({ ...fixture, commit: await fixture.pushBranch('topic', { 'a.txt': 'a\n' }) }), options);
}

const output = { title: 'Tests', summary: 'all', text: '3 failed' };

test('finished checks and statuses of others, with our own left out', async () => {
  await onCommit(async (fixture) => {
    const { commit, ours, alice } = fixture;
    const ci = await otherCi(fixture);
    await ci.rest.checks.create({ ...HERE, name: 'test', head_sha: commit, status: 'completed', conclusion: 'failure', output });
    await ci.rest.checks.create({ ...HERE, name: 'lint', head_sha: commit, status: 'completed', conclusion: 'skipped' });
    await alice.rest.repos.createCommitStatus({ ...HERE, sha: commit, state: 'error', context: 'deploy', description: 'no server' });
    const own = ownCheck(commit, 'in_progress');
    await ours.startCheckRun('run', 'check', own);
    const result = await ours.waitForCi(commit, never);
    expect(result).toMatchObject({ kind: 'finished', commit });
    const checks = result.kind === 'finished' ? result.checks : [];
    expect(checks.map(({ name, conclusion, summary }) => [name, conclusion, summary])).toEqual(
      expect.arrayContaining([
        ['test', 'failure', 'all\n\n3 failed'],
        ['lint', 'skipped', ''],
        ['deploy', 'failure', 'no server'],
      ]),
    );
    expect(checks).toHaveLength(3);
  });
});

test('nothing within the grace period is no CI; our own check is not one', async () => {
  await onCommit(
    async ({ commit, ours }) => {
      const own = ownCheck(commit, 'in_progress');
      await ours.startCheckRun('run', 'check', own);
      expect(await ours.waitForCi(commit, never)).toEqual({ kind: 'none', commit });
    },
    { timings: { ciGraceMs: 20 } },
  );
});

test('silence within the grace period is not taken for success, nor for none', async () => {
  await onCommit(
    async (fixture) => {
      const { commit, ours, looked } = fixture;
      const ci = await otherCi(fixture);
      const waiting = ours.waitForCi(commit, never);
      await looked(2);
      await ci.rest.checks.create({ ...HERE, name: 'late', head_sha: commit, status: 'completed', conclusion: 'success' });
      expect(await waiting).toMatchObject({ kind: 'finished', checks: [{ name: 'late', conclusion: 'success' }] });
    },
    { timings: { ciGraceMs: FOREVER } },
  );
});

test('unfinished checks are waited for', async () => {
  await onCommit(async (fixture) => {
    const { commit, ours, looked, alice } = fixture;
    const ci = await otherCi(fixture);
    const { data: run } = await ci.rest.checks.create({ ...HERE, name: 'slow', head_sha: commit, status: 'in_progress' });
    await alice.rest.repos.createCommitStatus({ ...HERE, sha: commit, state: 'pending', context: 'deploy' });
    const waiting = ours.waitForCi(commit, never);
    await looked(2);
    await ci.rest.checks.update({ ...HERE, check_run_id: run.id, status: 'completed', conclusion: 'success' });
    await looked(2);
    await alice.rest.repos.createCommitStatus({ ...HERE, sha: commit, state: 'success', context: 'deploy' });
    const result = await waiting;
    expect(result.kind === 'finished' && result.checks.map(({ name, conclusion }) => [name, conclusion])).toEqual([
      ['slow', 'success'],
      ['deploy', 'success'],
    ]);
  });
});

test('a check that begins while the others settle is waited for too', async () => {
  await onCommit(async (fixture) => {
    const { commit, ours, afterLook } = fixture;
    const ci = await otherCi(fixture);
    await ci.rest.checks.create({ ...HERE, name: 'build', head_sha: commit, status: 'completed', conclusion: 'success' });
    afterLook(1, async () => {
      const { data: run } = await ci.rest.checks.create({ ...HERE, name: 'deploy', head_sha: commit, status: 'queued' });
      afterLook(2, async () => {
        await ci.rest.checks.update({ ...HERE, check_run_id: run.id, status: 'completed', conclusion: 'failure' });
      });
    });
    const result = await ours.waitForCi(commit, never);
    expect(result.kind === 'finished' && result.checks.map(({ name, conclusion }) => `${name} ${conclusion}`)).toEqual(
      expect.arrayContaining(['build success', 'deploy failure']),
    );
  });
});

test('required checks that never report end in unknown, whatever else is green', async () => {
  await onCommit(
    async (fixture) => {
      const { commit, ours, github } = fixture;
      github.setRequiredChecks('acme/widgets', 'main', ['test', 'e2e', 'converge']);
      const ci = await otherCi(fixture);
      await ci.rest.checks.create({ ...HERE, name: 'test', head_sha: commit, status: 'completed', conclusion: 'success' });
      expect(await ours.waitForCi(commit, never)).toMatchObject({
        kind: 'unknown',
        commit,
        why: expect.stringContaining('required and never reported: e2e.'),
        checks: [{ name: 'test', conclusion: 'success' }],
      });
    },
    { timings: { ciDeadlineMs: 50 } },
  );
});

test('the rules asked are those of the branch that is named', async () => {
  await onCommit(
    async (fixture) => {
      const { commit, ours, github, pushBranch } = fixture;
      await pushBranch('release', { 'b.txt': 'b\n' });
      github.setRequiredChecks('acme/widgets', 'release', ['e2e']);
      expect(await ours.waitForCi(commit, never)).toEqual({ kind: 'none', commit });
      expect(await ours.waitForCi(commit, never, 'release')).toMatchObject({ kind: 'unknown', why: expect.stringContaining('e2e') });
    },
    { timings: { ciDeadlineMs: 50 } },
  );
});

test('checks that do not end end in unknown at the deadline', async () => {
  await onCommit(
    async (fixture) => {
      const { commit, ours } = fixture;
      const ci = await otherCi(fixture);
      await ci.rest.checks.create({ ...HERE, name: 'stuck', head_sha: commit, status: 'in_progress' });
      expect(await ours.waitForCi(commit, never)).toMatchObject({ kind: 'unknown', why: expect.stringContaining('not finished: stuck') });
    },
    { timings: { ciDeadlineMs: 50 } },
  );
});

test('an outage while waiting is sat out', async () => {
  await onCommit(
    async (fixture) => {
      const { commit, ours, github } = fixture;
      const ci = await otherCi(fixture);
      await ci.rest.checks.create({ ...HERE, name: 'test', head_sha: commit, status: 'completed', conclusion: 'success' });
      github.faults.next({ method: 'GET', path: /\/check-runs$/ }, { kind: 'status', status: 502 }, 9);
      expect(await ours.waitForCi(commit, never)).toMatchObject({ kind: 'finished' });
    },
    { timings: { ciGraceMs: FOREVER } },
  );
});

test('the wait ends when the run is stopped', async () => {
  await onCommit(
    async ({ commit, ours, looked }) => {
      const stop = new AbortController();
      const waiting = ours.waitForCi(commit, stop.signal);
      await looked(1);
      stop.abort();
      await expect(waiting).rejects.toBeInstanceOf(Suspended);
    },
    { timings: { ciGraceMs: FOREVER, ciPollMs: FOREVER } },
  );
});

test('without actions:read, and with real CI on the pushed commit', async () => {
  const ci = { run: async () => [{ name: 'unit', conclusion: 'failure' as const, summary: 'one failed' }] };
  const permissions = { contents: 'write', pull_requests: 'write', issues: 'write', checks: 'write', statuses: 'read' } as const;
  await onCommit(
    async ({ commit, ours }) => {
      expect(await ours.waitForCi(commit, never)).toMatchObject({
        kind: 'finished',
        checks: [{ name: 'unit', conclusion: 'failure', summary: expect.stringContaining('one failed') }],
      });
    },
    { ci, permissions, timings: { ciGraceMs: FOREVER } },
  );
});
