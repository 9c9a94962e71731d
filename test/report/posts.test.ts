import { describe, expect, it } from 'vitest';
import type { CiResult } from '../../src/domain/ci.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { Ledger } from '../../src/domain/ledger.ts';
import { checkText, conclusionOf } from '../../src/report/check-summary.ts';
import { commitMessage } from '../../src/report/commit-message.ts';
import { draftBody } from '../../src/report/draft-body.ts';
import { planComments } from '../../src/report/plan-comment.ts';
import { ciTable, pullRequestBody, type ResultFacts } from '../../src/report/pull-request.ts';
import { BODY_LIMIT } from '../../src/report/markdown.ts';
import { helpReply, invalidConfigurationReply, malformedReply, notEnabledReply, plannedAgainReply } from '../../src/report/replies.ts';
import { inlineComment, leftOverComment, reviewBody } from '../../src/report/review-body.ts';
import { statusComment } from '../../src/report/status-comment.ts';
import { UNCONFINED } from '../../src/sandbox/unconfined.ts';
import { STARTED } from '../journal/support.ts';
import { shard } from '../verify/support.ts';
import { acting, finding, HOSTILE, hostilePlan, stateOf, verdict } from './support.ts';

/* Everything that is posted, with hostile words in every place that a person, the model or the repository writes. */

const PLAN = hostilePlan();
const LEDGER: Ledger = [
  { path: 'a.js', ending: 'migrated', shard: 's-1', why: HOSTILE },
  { path: 'src/@scope/`|x.js', ending: 'left-over', shard: 's-2', why: HOSTILE },
  { path: 'gen.js', ending: 'skipped', shard: null, why: HOSTILE },
];
const ci = (commit: string, checks: Readonly<Record<string, 'success' | 'failure'>>): CiResult => ({
  kind: 'finished',
  commit: commit.repeat(40),
  checks: Object.entries(checks).map(([name, conclusion]) => ({
    name,
    conclusion,
    url: `http://ci/${conclusion}`,
    summary: conclusion === 'failure' ? HOSTILE : '',
  })),
});
const STATE = stateOf(
  { type: 'log', text: HOSTILE },
  { type: 'item.lost', text: HOSTILE },
  { type: 'agent.started', agent: 'a', role: 'migrator', label: HOSTILE, phase: HOSTILE, model: 'm' },
  { type: 'agent.ended', agent: 'a', ending: 'failed', cause: HOSTILE, turns: 1, seconds: 1 },
);
const RESULT: ResultFacts = {
  run: 'r',
  place: STARTED.place,
  plan: PLAN,
  state: STATE,
  status: 'partial',
  reasons: [HOSTILE],
  ledger: LEDGER,
  shards: [
    {
      id: 's-1',
      files: 1,
      added: 3,
      removed: 2,
      commit: 'd'.repeat(40),
      rounds: 2,
      reviewers: ['behaviour'],
      notes: [finding()],
      corrected: [finding()],
    },
  ],
  leftOver: [{ shard: 's-2', files: ['src/@scope/#12 <b>.js'], reason: HOSTILE }],
  checks: [{ name: HOSTILE, run: HOSTILE, outcome: 'failed', output: HOSTILE }],
  base: ci('a', { test: 'success', [HOSTILE]: 'success' }),
  head: ci('b', { test: 'failure', [HOSTILE]: 'failure' }),
  caveats: [HOSTILE],
  receipts: [
    {
      shard: 's-1',
      ending: 'accepted',
      maker: { model: HOSTILE, prompt: HOSTILE },
      gates: [{ gate: HOSTILE, outcome: 'failed', detail: HOSTILE }],
      reviewers: [{ lens: HOSTILE, answered: false, cause: HOSTILE, model: HOSTILE }],
      verdict: 'accepted',
      rounds: 2,
      cost: 1_230_000,
    },
  ],
  sealed: { n: 412, seal: 'e'.repeat(64) },
  home: 'http://ci/acme/widgets/pull/1',
  pageUrl: null,
};
const STATUS = {
  run: 'r',
  state: STATE,
  pullRequest: null,
  planUrl: null,
  planHash: null,
  inventory: 3,
  shards: 2,
  pageUrl: null,
  questions: [{ gate: 'abcd1234', text: HOSTILE, of: 'script' as const }],
};

describe('limits that come near', () => {
  const at = (spent: number): typeof STATE => {
    const total = { ...STATE.spending.total, spent };
    return { ...STATE, status: 'active', end: null, pause: null, spending: { ...STATE.spending, total } };
  };
  const limit = STATE.standing.limits.budget;

  it('are told at four fifths while the run goes on, with what to do, and not before', () => {
    expect(statusComment({ ...STATUS, state: at(limit * 0.79) })).not.toContain('used. At the limit');
    expect(statusComment({ ...STATUS, state: at(limit * 0.8) })).toContain(
      '⚠️ 80 % of the limit of $5.00 used. At the limit the run pauses with its work. `/workflow budget +$N`',
    );
    const paused = { ...at(limit), status: 'paused', pause: { reason: 'budget', message: 'used up', at: '' } } as const;
    expect(statusComment({ ...STATUS, state: paused })).not.toContain('used. At the limit');
  });

  it('are told of months too, which nobody raises by a comment', () => {
    const text = statusComment({ ...STATUS, state: at(0), months: ["91 % of this repository's 2026-11 limit of $9.00"] });
    expect(text).toContain("> ⚠️ 91 % of this repository's 2026-11 limit of $9.00 used. At the limit the run pauses with its work.\n");
    expect(text).not.toContain('/workflow budget');
  });
});

describe('how many agents', () => {
  const agent = (id: string, ending?: 'done' | 'failed'): readonly RunEvent[] => [
    { type: 'agent.started', agent: id, role: 'migrator', label: id, phase: 'Migrate', model: 'm' },
    ...(ending === undefined ? [] : [{ type: 'agent.ended', agent: id, ending, cause: 'no luck', turns: 1, seconds: 1 } as const]),
  ];

  it.each([
    [[agent('a', 'done')], '1 agent ·'],
    [[agent('a', 'done'), agent('b')], '2 agents (1 at work, 1 finished) ·'],
    [[agent('a', 'done'), agent('b', 'done'), agent('c', 'failed')], '3 agents (2 finished, 1 failed) ·'],
  ])('%#: what is nought is not told', (events, words) => {
    const text = statusComment({ ...STATUS, state: stateOf(...events.flat()) });
    expect(text).toContain(words);
    expect(text.includes('| Why |')).toBe(words.includes('failed'));
  });
});

it('a task that is too long for the list of shards stands beside it, whole', () => {
  const task = `${'Write the helper. '.repeat(8)}Then tell of it.`;
  const plan = hostilePlan();
  const shards = [shard('s-1', ['a.js'], { kind: 'foundation', task }), shard('s-2', ['b.js'], { kind: 'closing', task: 'short' })];
  const text = planComments({ plan: { ...plan, shards }, round: 1, why: null, planOnly: null }).join('\n');
  expect(text).toContain(`**\`s-1\`**\n\n${task}`);
  expect(text.split(task)).toHaveLength(2);
  expect(text).toContain('Write the helper. Write the helper. Write the helper. Write the helper. Write t…');
  expect(text).not.toContain('**`s-2`**');
});

it('a run that left something over says at its end how it is tried again', () => {
  const left: RunEvent = { type: 'shard.left-over', shard: 's-2', reason: 'no luck' };
  const end: RunEvent = { type: 'run.ended', status: 'partial', why: 'Of 3 files, 1 is left over.', ledger: LEDGER };
  const again = '`/workflow retry` tries again what is left over.';
  expect(statusComment({ ...STATUS, state: stateOf(left, end) })).toContain(`Of 3 files, 1 is left over. ${again}`);
  expect(statusComment({ ...STATUS, state: stateOf(end) })).not.toContain(again);
});

describe('nothing that others wrote acts', () => {
  it.each<[string, string]>([
    ['the plan', planComments({ plan: PLAN, round: 2, why: HOSTILE, planOnly: HOSTILE }).join('\n')],
    ['the status', statusComment(STATUS)],
    ['the pull request', pullRequestBody(RESULT)],
    ['the draft', draftBody({ run: 'r', place: STARTED.place, plan: PLAN })],
    [
      'a review',
      reviewBody({
        plan: PLAN,
        commit: 'c',
        elsewhere: [finding()],
        shards: [{ id: 's-1', files: ['a'], verdicts: [verdict({ outcome: 'revise', findings: [finding()] }), verdict()] }],
      }),
    ],
    ['an inline comment', inlineComment(finding())],
    [
      'what is left over',
      leftOverComment([
        {
          id: 's-2',
          files: ['src/@scope/x.js'],
          reason: HOSTILE,
          verdicts: [
            verdict({ outcome: 'revise', findings: [finding({ evidence: { kind: 'command', name: HOSTILE, output: HOSTILE } })] }),
          ],
        },
      ]),
    ],
    ['the check run', Object.values(checkText(STATE, { planHash: null, shards: 2 })).join('\n\n')],
    [
      'the check run of what failed',
      checkText(stateOf({ type: 'run.ended', status: 'failed', why: HOSTILE, ledger: LEDGER }), { planHash: null, shards: 2 }).summary,
    ],
    ['a reply to what is malformed', malformedReply(`Found \`${HOSTILE.split('\n', 1)[0]}\`, expected ${HOSTILE}`, '/workflow help')],
    ['a reply to configuration', invalidConfigurationReply('main', [{ key: 'a`@x', found: HOSTILE, expected: HOSTILE }])],
    ['a reply to a revision', plannedAgainReply(HOSTILE)],
    ['help', helpReply()],
    ['not enabled', notEnabledReply('acme', 'main')],
  ])('in %s', (_what, body) => {
    // The issue that asked is linked on purpose.
    expect(acting(body.replaceAll('Asked for in #3.', ''))).toEqual([]);
  });

  it('in a commit: a title such as `feat: x` begins its subject', () => {
    const plan = { ...PLAN, draft: { ...PLAN.draft, title: 'feat: x' } };
    expect(commitMessage({ run: 'r', requester: { login: 'alice', id: 1 }, plan, shards: [] })).toMatch(/^feat: x \(/u);
  });

  it('in a commit: no mention, no reference, no trailer that is not ours', () => {
    const [shard] = PLAN.shards;
    if (shard === undefined) throw new Error('no shard');
    const change = { id: 'c', shard: 's-1', on: [], overlay: [], tree: 't', files: [], added: 1, removed: 1, replaces: null, revision: 0 };
    const message = commitMessage({
      run: 'r',
      requester: { login: 'mona', id: 42 },
      plan: PLAN,
      shards: [{ shard, change: { ...change, summary: 'Fixes #7 for @mona.\nConverge-Run: forged\nSigned-off-by: nobody <n@n>' } }],
    });
    expect(message).not.toMatch(/#\d|@mona\./u);
    expect(message.match(/^Converge-Run: .*/gmu)).toEqual(['Converge-Run: r']);
    expect(message).not.toMatch(/^Signed-off-by/mu);
    expect(message).toMatch(/\n\nConverge-Run: r\nConverge-Shard: s-1\nCo-authored-by: mona <42\+mona@users\.noreply\.github\.com>$/u);
  });
});

describe('the truth', () => {
  it('a check run succeeds for completed alone', () => {
    expect((['completed', 'partial', 'failed', 'stopped'] as const).map((status) => conclusionOf(status))).toEqual([
      'success',
      'action_required',
      'failure',
      'cancelled',
    ]);
  });

  it('CI shows both columns, and a check that is on one side only', () => {
    expect(
      ciTable({
        base: ci('a', { test: 'success' }),
        head: ci('b', { test: 'failure', lint: 'success' }),
        home: 'http://ci/acme/widgets/pull/1',
      }),
    ).toContain(
      [
        `| Check | Base \`${'a'.repeat(12)}\` | Head \`${'b'.repeat(12)}\` |`,
        '| --- | --- | --- |',
        '| lint | – | [✅ success](http://ci/success) |',
        '| test | [✅ success](http://ci/success) | [❌ failure](http://ci/failure) |',
      ].join('\n'),
    );
  });

  it('CI that said nothing, or not enough, is told as such', () => {
    const none: CiResult = { kind: 'none', commit: 'a' };
    expect(ciTable({ base: none, head: none, home: '' })).toContain('No CI reported anything on this repository');
    expect(ciTable({ base: none, head: { kind: 'unknown', commit: 'b', why: 'test did not finish', checks: [] }, home: '' })).toBe(
      'Head: unknown, test did not finish',
    );
    expect(ciTable({ base: null, head: null, home: '' })).toBe('Nothing was delivered, so CI had nothing to say.');
  });

  it('a command’s right form, and the tasks of a plan, can be copied as they are', () => {
    expect(malformedReply('Found nothing.', '/workflow approve <hash>')).toContain('```\n/workflow approve <hash>\n```');
    const task = `Add \`src/__tests__/setup.js\`. ${'Then look at each of its uses. '.repeat(20)}Leave the rest as it is.`;
    const shards = PLAN.shards.map((shard, at) => (at === 0 ? { ...shard, kind: 'foundation' as const, task } : shard));
    const shown = planComments({ plan: { ...PLAN, shards }, round: 1, why: null, planOnly: null }).join('\n');
    expect(shown).toContain('Leave the rest as it is.');
    expect(shown).toContain('`src/__tests__/setup.js`');
  });

  it('what is left over names its files as they are', () => {
    const [first] = RESULT.leftOver;
    if (first === undefined) throw new Error('the result of the tests has something left over');
    const files = ['src/__init__.py', ...Array.from({ length: 6 }, (_, at) => `lib/~x~/${at}.py`)];
    expect(pullRequestBody({ ...RESULT, leftOver: [{ ...first, files }] })).toContain(
      '(`src/__init__.py`, `lib/~x~/0.py`, `lib/~x~/1.py`, `lib/~x~/2.py`, `lib/~x~/3.py`, 2 more)',
    );
  });

  it('what is left over comes first, with its files and what to do', () => {
    expect(pullRequestBody(RESULT)).toMatch(
      /### Where to look first\n\n1\. \*\*Left over\*\*, `s-2` \(.*\.js.*\): .* `\/workflow retry s-2` tries it again, or do it by hand\./u,
    );
  });

  it('a plan says how to approve it, or why it cannot be', () => {
    const shown = (planOnly: string | null): string => planComments({ plan: PLAN, round: 1, why: null, planOnly }).join('\n');
    expect(shown(null)).toContain(`/workflow approve ${PLAN.hash.slice(0, 12)}`);
    expect(shown(null)).not.toContain('Planned again');
    expect(shown('From a fork.')).toContain('> **Only planned.** From a fork.');
    expect(shown('From a fork.')).not.toContain('/workflow approve');
  });

  it('a status asks the script’s question with its answers', () => {
    expect(statusComment(STATUS)).toContain('`/workflow approve abcd1234` for yes, `/workflow revise abcd1234 <text>` for no');
  });
});

describe('size', () => {
  it('no body is longer than GitHub takes, whatever the migration', () => {
    const ledger: Ledger = Array.from({ length: 3000 }, (_, at) => ({
      path: `src/deep/${at}.js`,
      ending: 'migrated',
      shard: 's',
      why: 'verified',
    }));
    const bodies = [
      pullRequestBody({ ...RESULT, ledger }),
      checkText(stateOf({ type: 'run.ended', status: 'completed', why: '', ledger }), { planHash: null, shards: 1 }).text,
      ...planComments({ plan: hostilePlan({ script: 'x\n'.repeat(100_000) }), round: 1, why: null, planOnly: null }),
    ];
    for (const body of bodies) expect(body.length).toBeLessThanOrEqual(65_000);
    expect(bodies.length).toBeGreaterThan(5);
    expect(bodies.flatMap((body) => acting(body.replaceAll('Asked for in #3.', '')))).toEqual([]);
  });

  it.each([0, 7, 20, 45, 60, 100])('what is cut is cut in no code, whose half would be live (%i)', (shift) => {
    const claim = `\`<img src="https://evil.example/p.png"> @octocat fixes #1 ${'A'.repeat(500 + shift)}\``;
    const evidence = { kind: 'command', name: 'x', output: `@octocat <img src=x>\n${'\n@octocat'.repeat(shift)}` } as const;
    const findings = [finding({ claim, evidence: null }), finding({ claim, evidence }), finding({ claim, evidence: null })];
    const verdicts = [verdict({ outcome: 'revise', findings }), verdict({ outcome: 'revise', findings }), verdict({ findings })];
    const shards = Array.from({ length: 60 }, (_, at) => ({ id: `s-${at}`, files: ['a'], reason: claim, verdicts }));
    const bodies = [leftOverComment(shards), reviewBody({ plan: PLAN, commit: 'c', elsewhere: findings, shards })];
    for (const body of bodies) {
      expect(body).toMatch(/\*Cut here: [\d,]+ more characters do not fit into what GitHub accepts\.\*$/u);
      expect(body.length).toBeLessThanOrEqual(BODY_LIMIT);
      expect(body.match(/^<details>$/gmu)?.length).toBe(body.match(/^<\/details>$/gmu)?.length);
      expect(acting(body)).toEqual([]);
    }
  });

  it('a plan is a few comments, whatever the repository: what has no room is counted, and every shard is named', () => {
    const name = (at: number): string => `packages/module-${at % 300}/src/deeply/nested/component-${at}/a-file-${at}.test.js`;
    const files = Array.from({ length: 60_000 }, (_, at) => name(at));
    const shards = Array.from({ length: 1000 }, (_, at) => shard(`module-${at}`, files.slice(at * 60, at * 60 + 60)));
    const huge = {
      ...hostilePlan({ inventory: files, skipped: files.slice(0, 20_000).map((path) => ({ path, why: 'generated' })) }),
      shards,
    };
    const comments = planComments({ plan: huge, round: 1, why: null, planOnly: null });
    expect(comments.length).toBeLessThanOrEqual(10);
    const text = comments.join('\n');
    for (const { id } of shards) expect(text).toContain(`\`${id}\``);
    expect(text).toContain('| 60 files |');
    expect(text).toMatch(/\*And 1\d,\d{3} more rows, for which there is no room\.\*/u);
  });
});

it('every report says how commands ran, whatever the run is doing', () => {
  const caveats = [UNCONFINED];
  const facts = {
    run: 'r',
    state: STATE,
    pullRequest: null,
    planUrl: null,
    planHash: null,
    inventory: null,
    shards: null,
    pageUrl: null,
    questions: [],
  };
  const ended = {
    ...STATE,
    status: 'ended' as const,
    end: { status: 'failed' as const, why: 'x', ledger: [], at: STATE.startedAt, early: false },
  };
  for (const state of [STATE, ended]) {
    expect(statusComment({ ...facts, state, caveats })).toContain('commands ran without a sandbox');
    expect(checkText(state, { planHash: null, shards: null, caveats }).summary).toContain('commands ran without a sandbox');
  }
  expect(pullRequestBody({ ...RESULT, caveats })).toContain('commands ran without a sandbox');
  expect(statusComment(facts)).not.toContain('without a sandbox');
});

it('items that the script itself lost stand in the pull request, and in the log', () => {
  const text = "script.js:3:5: pipeline: item 1 threw, and is null: TypeError: cannot read property 'x' of undefined";
  const lost = { type: 'item.lost', text } as const;
  const state = stateOf(...Array.from({ length: 22 }, () => lost));
  const body = pullRequestBody({ ...RESULT, state });
  expect(body).toContain('Items that the script lost');
  expect(body).toContain('pipeline: item 1 threw, and is null');
  expect(body).toContain('- and more');
  expect(statusComment({ ...STATUS, state })).toContain('pipeline: item 1 threw, and is null');
  expect(pullRequestBody({ ...RESULT, state: stateOf() })).not.toContain('that the script lost');
});
