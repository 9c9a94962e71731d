import { describe, expect, it } from 'vitest';

import type { CiResult } from '../../src/domain/ci.ts';
import { countEndings, type Ledger } from '../../src/domain/ledger.ts';
import { checkText } from '../../src/report/check-summary.ts';
import { earlyEndBody } from '../../src/report/early-end-body.ts';
import { ledgerTable } from '../../src/report/ledger.ts';
import { pullRequestBody, type ResultFacts } from '../../src/report/pull-request.ts';
import { STARTED } from '../journal/support.ts';
import { hostilePlan, stateOf } from './support.ts';

/* Results that do not fit into what GitHub accepts. */

const PLAN = hostilePlan();

/** `files` of them in modules of a hundred; each `leftOverEvery`th left over with a reason of its own. */
function ledgerOf(files: number, leftOverEvery = 50): Ledger {
  return Array.from({ length: files }, (_, n) => {
    const path = `packages/module-${Math.floor(n / 100)}/src/deeply/nested/component-${n}/some-long-name-of-a-file-${n}.test.js`;
    const shard = `module-${Math.floor(n / 5)}`;
    return n % leftOverEvery === 0
      ? { path, shard, ending: 'left-over', why: `the check of file ${n} fails` }
      : { path, shard, ending: 'migrated', why: 'accepted after 1 round' };
  });
}

const manyChecks = (commit: string): CiResult => ({
  kind: 'finished',
  commit: commit.repeat(40),
  checks: Array.from({ length: 300 }, (_, n) => ({
    name: `a check with quite a long name (${n}, linux, node 24)`,
    conclusion: n === 299 ? ('failure' as const) : ('success' as const),
    url: `https://github.example/acme/widgets/actions/runs/123456789/job/${n}`,
    summary: 'x'.repeat(20_000),
  })),
});

function resultOf(ledger: Ledger, shards: number): ResultFacts {
  return {
    run: 'r',
    place: STARTED.place,
    plan: PLAN,
    state: stateOf(),
    status: 'partial',
    reasons: Array.from({ length: 200 }, (_, n) => `reason ${n}: ${'x'.repeat(500)}`).slice(0, shards > 10 ? 40 : 1),
    ledger,
    shards: Array.from({ length: shards }, (_, n) => ({
      id: `module-${n}`,
      files: 5,
      added: n,
      removed: 2,
      commit: 'd'.repeat(40),
      rounds: n === 700 ? 3 : 1,
      reviewers: ['behaviour', 'completeness'],
      notes: [],
      corrected: [],
    })),
    leftOver: Array.from({ length: 100 }, (_, n) => ({ shard: `left-${n}`, files: [`a/${n}.js`], reason: 'a gate failed. '.repeat(20) })),
    checks: Array.from({ length: 8 }, (_, n) => ({ name: `check ${n}`, run: 'npm test', outcome: 'failed', output: 'y'.repeat(20_000) })),
    home: 'https://github.example/acme/widgets/pull/1',
    base: manyChecks('a'),
    head: manyChecks('b'),
    caveats: Array.from({ length: 100 }, (_, n) => `caveat ${n}`),
    receipts: Array.from({ length: shards }, (_, n) => ({
      shard: `module-${n}`,
      ending: 'accepted',
      maker: { model: 'claude-sonnet-5-5', prompt: 'ab'.repeat(32) },
      gates: [{ gate: 'types', outcome: 'passed', detail: '' }],
      reviewers: ['behaviour', 'completeness'].map((lens) => ({ lens, answered: true, cause: null, model: 'claude-opus-5-5' })),
      verdict: 'accepted',
      rounds: 1,
      cost: n * 1000,
    })),
    sealed: { n: 9, seal: 'e'.repeat(64) },
    pageUrl: 'https://converge.example/runs/r',
  };
}

describe('a pull request’s body', () => {
  it.each([
    [5000, 1000],
    [50_000, 1000],
    [5000, 1],
    [20, 1000],
  ])('of %i files in %i shards keeps all that a person looks for', (files, shards) => {
    const body = pullRequestBody(resultOf(ledgerOf(files), shards));
    expect(body.length).toBeLessThanOrEqual(60_000);
    for (const heading of ['Where to look first', 'CI', 'Checks on the converged tree', 'Ledger', 'Cost', 'What was not verified'])
      expect(body).toContain(`### ${heading}\n`);
    expect(body).toContain('Converge run `r`');
    expect(body).toContain(`Verdicts: ${shards.toLocaleString('en-US')} accepted`);
    expect(body).toContain(`Receipts: ${shards.toLocaleString('en-US')} shard`);
    // The dearest, when not all fit.
    expect(body).toContain(`| \`module-${shards - 1}\` | accepted, round 1 | \`abababababab\` |`);
    expect(body).toContain('a check with quite a long name (299');
    expect(body).toContain('90 more shards are left over');
    expect(body.split('<details>').length).toBe(body.split('</details>').length);
    expect((body.match(/^ {0,3}```/gmu) ?? []).length % 2).toBe(0);
    expect(body).not.toMatch(/…$/u);
  });

  it('lists every file as long as there is room, and what needs a person before the rest', () => {
    const ledger = ledgerOf(40);
    const small = pullRequestBody(resultOf(ledger, 3));
    expect(small).not.toContain('each cheaper than these');
    expect(pullRequestBody(resultOf(ledger, 1000))).toMatch(
      /\*And \d+ more shards, each cheaper than these; the audit log has them all\.\*/u,
    );
    for (const { path } of ledger) expect(small).toContain(path);
    expect(small).not.toContain('do not fit here');
    const large = pullRequestBody({ ...resultOf(ledgerOf(5000), 1), base: null, head: null, checks: [] });
    for (const entry of ledgerOf(5000)) if (entry.ending === 'left-over') expect(large).toContain(`\`${entry.path}\``);
    expect(large).toContain('5,000 files do not fit here one by one: the [run page](https://converge.example/runs/r) lists each');
  });
});

describe('a ledger', () => {
  it('that is grouped counts every file once, by how it ended', () => {
    const ledger = ledgerOf(5000, 3);
    for (const characters of [200_000, 60_000, 20_000, 5000]) {
      const text = ledgerTable(ledger, { characters, pageUrl: null });
      expect(text.length).toBeLessThanOrEqual(characters);
      const rows = [...text.matchAll(/^\| `[^`]*\/` \| (\d+) \| (\S+)/gmu)];
      const sum = (mark: string): number => rows.filter((row) => row[2] === mark).reduce((total, row) => total + Number(row[1]), 0);
      if (rows.length === 0) continue;
      expect(sum('✅')).toBe(countEndings(ledger).migrated);
      expect([0, countEndings(ledger)['left-over']]).toContain(sum('⛔'));
    }
  });

  it('with room for the totals alone gives them', () => {
    expect(ledgerTable(ledgerOf(5000), { characters: 10, pageUrl: null })).toMatch(/left\u00A0over \| 100 \|[\s\S]*verified \| 4900 \|/u);
  });
});

it('a check run and a run that ended early keep what stands around the ledger', () => {
  const ledger = ledgerOf(20_000);
  const state = stateOf({ type: 'run.ended', status: 'partial', why: 'Some are left over.', ledger });
  const { text } = checkText(state, { planHash: null, shards: 2 });
  expect(text.length).toBeLessThanOrEqual(60_000);
  expect(text).toContain('20,000 files do not fit here');
  const early = earlyEndBody({ run: 'r', place: STARTED.place, plan: PLAN, status: 'stopped', why: 'Stopped.', ledger, spent: 1_000_000 });
  expect(early.length).toBeLessThanOrEqual(60_000);
  expect(early).toContain('It cost $1.00.');
});
