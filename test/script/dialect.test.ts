import { describe, expect, it } from 'vitest';
import { BUDGET, VIEW, run, value } from './support.ts';

async function returned(body: string, options: Parameters<typeof run>[1] = {}): Promise<unknown> {
  const { end } = await run(body, options);
  expect(end).toMatchObject({ kind: 'returned' });
  return end.kind === 'returned' ? end.value : undefined;
}

describe('parallel', { timeout: 60_000 }, () => {
  it('is a barrier that keeps order and turns a throw into null with its cause', async () => {
    const result = await returned(`
      const results = await parallel([
        () => agent('a'),
        () => { throw new TypeError('bad') },
        () => agent('null b', {label: 'bee'}),
        () => agent('throw c', {label: 'sea'}),
        async () => 'own',
      ]);
      return {results, failures: failures()};`);
    expect(result).toEqual({
      results: ['a', null, null, null, 'own'],
      failures: [
        { kind: 'parallel', label: 'item 1', cause: 'TypeError: bad', site: '5:27' },
        { kind: 'agent', label: 'bee', cause: 'cause of null b', site: '6:15' },
        { kind: 'agent', label: 'sea', cause: 'message of throw c', site: '7:15' },
      ],
    });
  });

  it('takes functions, not promises, and says so', async () => {
    const { end } = await run("\nawait parallel([agent('a')])");
    expect(end).toMatchObject({ kind: 'failed', fault: 'threw', site: '3:7' });
    expect(end).toMatchObject({ message: expect.stringMatching(/number 1 is a promise; expected \(\) => agent/u) });
  });

  it('takes 4,096 items and not one more', async () => {
    expect(await returned('return (await parallel(Array.from({length: 4096}, () => () => 1))).length')).toBe(4096);
    const { end } = await run('await parallel(Array.from({length: 4097}, () => () => 1))');
    expect(end).toMatchObject({ kind: 'failed', site: '2:7', message: expect.stringContaining('found 4097 items; expected at most 4096') });
  });
});

describe('pipeline', { timeout: 60_000 }, () => {
  it('gives each stage (previous, item, index) and lets items go on without a barrier', async () => {
    const order: string[] = [];
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    const result = await returned(
      `return await pipeline(['x', 'y'],
         (previous, item, index) => agent('one ' + item + index + previous),
         (previous, item, index) => agent('two ' + item + index + ' after ' + previous));`,
      {
        answer: async ({ args }) => {
          const prompt = JSON.stringify(args[0]).slice(1, -1);
          // The first item's first stage ends only after the second item's second stage began.
          if (prompt === 'one x0x') await gate;
          if (prompt.startsWith('two y')) open();
          order.push(prompt);
          return value(prompt.slice(0, 5));
        },
      },
    );
    expect(result).toEqual(['two x', 'two y']);
    expect(order).toEqual(['one y1y', 'two y1 after one y', 'one x0x', 'two x0 after one x']);
  });

  it('makes an item null and skips its later stages when one throws', async () => {
    const result = await returned(`
      const seen = [];
      const results = await pipeline([1, 2], async (n) => { if (n === 1) throw new Error('first'); return n; }, async (n) => { seen.push(n); return n * 10; });
      return {results, seen, failures: failures().map((failure) => [failure.kind, failure.label, failure.cause])};`);
    expect(result).toEqual({ results: [null, 20], seen: [2], failures: [['pipeline', 'item 0', 'first']] });
  });
});

describe('agent', { timeout: 60_000 }, () => {
  it('resolves to null for what failed and throws what cannot be answered, at its own place', async () => {
    const { end } = await run(
      "\nconst a = await agent('null x');\nif (a !== null) return;\nawait   agent('throw schema', {schema: {type: 'object'}});",
    );
    expect(end).toMatchObject({ kind: 'failed', fault: 'threw', site: '5:9', message: 'script.js:5:9: message of throw schema' });
  });

  it('accepts isolation and agentType of the reference, drops them and says once that they are without effect', async () => {
    const { journal, performed } = await run(
      "await agent('a', {isolation: 'worktree'}); await agent('b', {isolation: 'worktree', agentType: 'x'})",
    );
    expect(journal.told()).toEqual([
      'agent: option "isolation" is accepted and without effect here',
      'agent: option "agentType" is accepted and without effect here',
    ]);
    expect(performed.map(({ args }) => args)).toEqual([['a'], ['b']]);
  });

  it('is given the phase that people are shown unless it names one', async () => {
    const { journal } = await run(
      "await agent('a'); phase('Read'); await agent('b'); await files('*'); await agent('c', {phase: 'Other'})",
    );
    expect(journal.calls().map((call) => call.phase)).toEqual(['', 'Read', 'Read', 'Other']);
  });
});

/** What each line of code throws, all in one run: its cause and place as failures() tells them. Line 1 of the code is line 3 of the script. */
async function thrown(lines: readonly string[]): Promise<readonly { cause: string; site: string }[]> {
  const thunks = lines.map((line) => `async () => { ${line} },`).join('\n');
  const view = { ...VIEW, shards: [{ id: 's' }] };
  const result = await returned(
    `await parallel([\n${thunks}\n]);\nreturn failures().toSorted((a, b) => a.site.split(':')[0] - b.site.split(':')[0])`,
    { view },
  );
  return result as readonly { cause: string; site: string }[];
}

const WRONG: readonly (readonly [code: string, cause: string])[] = [
  ['agent()', 'agent: prompt is missing; expected text that is not empty'],
  ['agent({text: 1})', 'agent: prompt is {"text":1}; expected text'],
  ["agent('a', {lable: 'x'})", 'agent: unknown option "lable"; the options are label, phase, model, effort, schema'],
  ["agent('a', 'b')", 'agent: the options are not an object'],
  ["agent('a', {}, 1)", 'agent: found 3 arguments; expected at most 2'],
  ["agent('a', {schema: {a: () => 1}})", 'agent: option "schema".a is a function; expected plain data (JSON)'],
  ["agent('a', {label: agent('b')})", 'agent: option "label" is a promise; put `await`'],
  ["agent('a', {schema: new Map()})", 'agent: option "schema" is an object of a class'],
  ["agent('a', {schema: {n: NaN}})", 'agent: option "schema".n is NaN'],
  ["agent('a', {schema: (() => { const loop = {}; loop.loop = loop; return loop })()})", 'nested more than 100 deep, or contains itself'],
  ['migrate(null)', 'migrate: shard is null: what should have made it failed'],
  ['migrate(7)', 'migrate: shard is a number; expected a shard'],
  ["migrate({id: 's'}, {on: {id: 'c'}})", 'migrate: option "on" is not an array'],
  ["migrate({id: 's'}, {on: [null]})", 'migrate: change is null'],
  ["review(migrate({id: 's'}))", 'review: change is a promise; put `await`'],
  ["check('test')", 'check: change is missing'],
  ['pipeline([1])', 'pipeline: no stage was given'],
  ['parallel(5)', 'parallel: its argument is not an array'],
  ['phase(5)', 'phase: title is 5; expected text'],
  ['log(() => 1)', 'log: the message is a function'],
  ["codemod({id: 's'}, {})", 'codemod comes in a later version'],
  ["workflow('other')", 'workflow: no saved script "other" was pinned with the plan (none was)'],
  ['workflow(7)', 'workflow: name is 7; expected text'],
  ["agent('a', {effort: 'enormous'})", 'agent: effort is "enormous"; expected low'],
];

describe('wrong arguments', { timeout: 60_000 }, () => {
  it('are told with what was found, what was expected and the place of the call', async () => {
    const told = await thrown(WRONG.map(([code]) => `await ${code}`));
    expect(told.map(({ cause }, index) => [cause.includes(WRONG[index]?.[1] ?? '-') || cause, index])).toEqual(
      WRONG.map((_, index) => [true, index]),
    );
    expect(told.map(({ site }) => site)).toEqual(WRONG.map((_, index) => `${index + 3}:21`));
  });

  it('that nobody catches end the script at that place', async () => {
    const { end } = await run("\n  await agent('a', {lable: 'x'})");
    expect(end).toEqual(expect.objectContaining({ kind: 'failed', fault: 'threw', site: '3:9' }));
    expect(end).toMatchObject({ message: expect.stringMatching(/^script\.js:3:9: TypeError: agent: unknown option "lable"/u) });
  });

  it('found by the host have their place in the journal, so that a replay throws them in the same order', async () => {
    const body = "const r = await Promise.allSettled([agent('a', {effort: 'enormous'}), agent('b')]); return r.map((each) => each.status)";
    const first = await run(body);
    expect(first.end).toMatchObject({ value: ['rejected', 'fulfilled'] });
    expect(first.journal.calls().map((call) => call.settled?.outcome.kind)).toEqual(['throw', 'value']);
    const again = await run(body, { journal: first.journal });
    expect(again.end).toMatchObject({ value: ['rejected', 'fulfilled'], replay: { performed: 0, redelivered: 2, diverged: 0 } });
  });

  it('of the returned value are told too', async () => {
    const { end } = await run('return {f() {}}');
    expect(end).toMatchObject({ kind: 'failed', fault: 'threw', message: expect.stringContaining('the returned value.f is a function') });
  });
});

describe('args, shards and budget', { timeout: 60_000 }, () => {
  it('E6: args given as the text of JSON behave as the object', async () => {
    const view = { ...VIEW, args: '{"rounds": 2}' };
    expect(await returned('return args.rounds', { view })).toBe(2);
    expect(await returned('return args', { view: { ...VIEW, args: 'plain words' } })).toBe('plain words');
    expect(await returned('return typeof args', { view: { ...VIEW, args: null } })).toBe('undefined');
  });

  it('are frozen through and through', async () => {
    const view = { ...VIEW, args: { list: [1] }, shards: [{ id: 's', files: ['a'] }] };
    const body = `return [() => args.list.push(2), () => { shards[0].files[0] = 'b' }, () => { budget.total = 1 }, () => { budget.dollars.total = 1 }, () => { globalThis.agent = 1 }]
      .map((change) => { try { change(); return 'changed' } catch (error) { return error.name } })`;
    expect(await returned(body, { view })).toEqual(Array.from({ length: 5 }, () => 'TypeError'));
  });

  it('count as spent only what was delivered', async () => {
    const spent: { [seq: number]: number } = { 1: 100, 2: 250 };
    const result = await returned(
      "const before = budget.spent(); await agent('a'); const middle = budget.spent(); await agent('b'); return [before, middle, budget.spent(), budget.remaining(), budget.dollars.spent(), budget.dollars.total]",
      {
        view: { ...VIEW, budget: { ...BUDGET, total: 1000 } },
        budgetAt: ({ seq }) => ({ total: 1000, spent: spent[seq] ?? 0, dollars: { total: 5, spent: seq / 10 } }),
      },
    );
    expect(result).toEqual([0, 100, 250, 750, 0.2, 5]);
  });

  it('have no bound on tokens when nobody set one', async () => {
    expect(await returned('return [budget.total, budget.remaining() === Infinity]')).toEqual([null, true]);
  });
});

describe('handles', { timeout: 60_000 }, () => {
  it('are frozen, and cross to the host as their id alone', async () => {
    const { end, performed } = await run(
      `const change = await migrate(shards[0], {on: [{id: 'c0', files: ['forged']}]});
       let frozen = false;
       try { change.id = 'other' } catch { frozen = true }
       const verdict = await review({...change, files: ['forged']}, {lenses: ['a'], reviewers: 2});
       return {frozen, accepted: await accept(change, verdict)};`,
      {
        view: { ...VIEW, shards: [{ id: 's1', files: ['a.js'] }] },
        answer: ({ kind }) =>
          value(kind === 'migrate' ? { id: 'c1', files: ['a.js'] } : kind === 'review' ? { id: 'v1', outcome: 'accepted' } : true),
      },
    );
    expect(end).toMatchObject({ kind: 'returned', value: { frozen: true, accepted: true } });
    expect(performed.map(({ kind, args }) => [kind, args])).toEqual([
      ['migrate', [{ id: 's1' }, { on: [{ id: 'c0' }] }]],
      ['review', [{ id: 'c1' }, { lenses: ['a'], reviewers: 2 }]],
      ['accept', [{ id: 'c1' }, { id: 'v1' }]],
    ]);
  });
});

const UNSTEADY: readonly (readonly [code: string, cause: string])[] = [
  ['Date.now()', 'Date.now() is not available'],
  ['Date()', 'the current time (Date(), new Date()) is not available'],
  ['new Date()', 'the current time'],
  ['new (Object.getPrototypeOf(new Date(0)).constructor)()', 'the current time'],
  ['new (class extends Date {})()', 'the current time'],
  ['Math.random()', 'Math.random() is not available'],
  ['setTimeout(() => {}, 1)', 'setTimeout() is not available'],
  ['performance.now()', 'performance.now() is not available'],
  ["fetch('http://localhost')", 'fetch() is not available'],
  ["require('fs')", 'require() is not available'],
];

describe('determinism', { timeout: 60_000 }, () => {
  it('takes the clock, randomness, timers and the network away, and says what to do instead', async () => {
    const told = await thrown(UNSTEADY.map(([code]) => code));
    expect(told.map(({ cause }, index) => [cause.includes(UNSTEADY[index]?.[1] ?? '-') || cause, index])).toEqual(
      UNSTEADY.map((_, index) => [true, index]),
    );
    expect(told.filter(({ cause }) => !/each time it is replayed; \w+/u.test(cause))).toEqual([]);
  });

  it('leaves dates that are made from numbers, and nothing that watches the garbage collector', async () => {
    const body =
      'return [new Date(0).toISOString(), Date.UTC(2026, 0), new Date(0) instanceof Date, new Date(0).getTimezoneOffset(), typeof WeakRef, typeof FinalizationRegistry]';
    expect(await returned(body)).toEqual(['1970-01-01T00:00:00.000Z', 1767225600000, true, 0, 'undefined', 'undefined']);
  });
});

describe('places', { timeout: 60_000 }, () => {
  it('are those of the original, whatever was put into the line or stands in it', async () => {
    const line = "const text = '😀é€'; for (const x of [1]) { await agent('a'); await agent(`b${x}`, {label: text}); null.x }";
    const { end } = await run(line);
    expect(end).toMatchObject({ site: `2:${line.indexOf('null.x') + 1}` });
  });
});
