import { assert, asyncProperty, infiniteStream, nat } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Suspended } from '../../src/domain/errors.ts';
import type { CallOutcome } from '../../src/journal/journal.ts';
import { type RunOptions, runScript } from '../../src/script/replay.ts';
import { BUDGET, META, MemoryJournal, type Performed, VIEW, afterKill, callSource, echo, run, value } from './support.ts';

/** Keys without the hash: what people count. */
const kinds = (performed: readonly Performed[]): string[] => performed.map(({ kind, args }) => `${kind} ${JSON.stringify(args[0])}`);

describe('keys', { timeout: 60_000 }, () => {
  it('are of the content and the count of equal calls, not of label and phase', async () => {
    const { journal } = await run(
      "await agent('a', {label: 'x'}); phase('P'); await agent('a'); await agent('a', {model: 'm'}); await files('a')",
    );
    const keys = journal.calls().map(({ key }) => key.split('#'));
    expect(keys.map(([, occurrence]) => occurrence)).toEqual(['1', '2', '1', '1']);
    expect(new Set(keys.map(([hash]) => hash)).size).toBe(3);
    expect(keys.every(([hash]) => /^[0-9a-f]{24}$/u.test(hash ?? ''))).toBe(true);
  });
});

describe('a replay on what was written', { timeout: 60_000 }, () => {
  it('performs nothing that settled, null and throw alike, and ends the same way', async () => {
    const body = `const r = await parallel([() => agent('a'), () => agent('null b'), () => agent('throw c')]);
      return [r, failures().map((failure) => failure.cause)];`;
    const first = await run(body);
    const again = await run(body, { journal: first.journal });
    expect(again.performed).toEqual([]);
    expect(again.end).toEqual({ ...first.end, replay: { performed: 0, redelivered: 3, diverged: 0 } });
  });

  it('performs again only what was under way when it was killed', async () => {
    const body = "return await parallel([() => agent('a'), () => agent('b'), () => agent('c')])";
    const whole = await run(body);
    const settled = whole.journal.stored.findIndex(({ event }) => event.type === 'call.settled');
    const killed = await afterKill(whole.journal, settled + 2);
    const again = await run(body, { journal: killed });
    expect(again.performed).toHaveLength(1);
    expect(again.end).toMatchObject({ value: ['a', 'b', 'c'], replay: { performed: 1, redelivered: 2, diverged: 0 } });
  });

  it('tells phases and logs once, however often it is killed and replayed', async () => {
    const body = "phase('One'); log('before'); await agent('a'); log('between'); log('between'); await agent('b'); log('after'); return 1";
    const whole = await run(body);
    expect(whole.journal.told()).toEqual(['# One', 'before', 'between', 'between', 'after']);
    for (let events = 0; events <= whole.journal.stored.length; events++) {
      const { journal } = await run(body, { journal: await afterKill(whole.journal, events) });
      expect(journal.told()).toEqual(whole.journal.told());
    }
  });

  it('records why each item of parallel and pipeline became null that threw in the script itself, once however often it is replayed', async () => {
    const body = `const texts = await pipeline(['a', 'b'], (x) => agent(x), (text) => (text === 'b' ? text.nope.nope : text));
const more = await parallel([() => agent('null c'), () => agent('throw d'), () => { throw new Error('by hand'); }]);
return [texts, more, failures().length];`;
    const whole = await run(body);
    expect(whole.end).toMatchObject({ value: [['a', null], [null, null, null], 4] });
    const lost = (journal: MemoryJournal): readonly string[] =>
      journal.stored.flatMap(({ event }) => (event.type === 'item.lost' ? [event.text] : [])).toSorted();
    expect(lost(whole.journal)).toEqual(
      [
        'script.js:3:95: parallel: item 2 threw, and is null: by hand',
        "script.js:2:85: pipeline: item 1 threw, and is null: TypeError: cannot read property 'nope' of undefined",
      ].toSorted(),
    );
    for (let events = 0; events <= whole.journal.stored.length; events++) {
      const { journal } = await run(body, { journal: await afterKill(whole.journal, events) });
      expect(lost(journal)).toEqual(lost(whole.journal));
    }
  });

  it('records the first hundred such items and that there were more, short, beside all lines of the script', async () => {
    const body = `const huge = 'x'.repeat(5_000_000);
const all = await parallel(Array.from({ length: 4096 }, () => () => { throw new Error(huge); }));
for (let at = 0; at < 9_999; at += 1) log('line ' + at);
log('the last');
log('too many');
return [all.length, failures().length, 'y'.repeat(4_000_000)].slice(0, 2);`;
    const { end, journal } = await run(body);
    expect(end).toMatchObject({ value: [4096, 4096] });
    const lost = journal.stored.flatMap(({ event }) => (event.type === 'item.lost' ? [event.text] : []));
    expect(lost).toHaveLength(101);
    expect(lost[0]).toMatch(/parallel: item 0 threw, and is null: x{300}$/u);
    expect(lost[100]).toBe('more than 100 items threw; failures() has all of them');
    expect(journal.told().slice(-2)).toEqual(['the last', 'more than 10000 lines were told; what follows is not shown']);
  });

  it('knows its own lines among those that primitives tell', async () => {
    const body = "log('one'); await agent('a'); log('two'); await agent('b'); log('three'); return 1";
    const journal = new MemoryJournal();
    const answer = async (): Promise<CallOutcome> => {
      await journal.append('run-1', [{ type: 'log', text: 'of a primitive' }]);
      return value(1);
    };
    await run(body, { journal, answer });
    const all = ['one', 'of a primitive', 'two', 'of a primitive', 'three'];
    expect(journal.told()).toEqual(all);
    for (let events = 0; events <= journal.stored.length; events++) {
      const killed = await afterKill(journal, events);
      const again = await run(body, { journal: killed });
      expect(again.journal.told().filter((text) => text !== 'of a primitive')).toEqual(['one', 'two', 'three']);
    }
  });

  it('keeps rows of child calls to the primitives that made them', async () => {
    const journal = new MemoryJournal();
    const answer = async ({ key }: Performed): Promise<CallOutcome> => {
      const child = { key: `${key}/behaviour`, kind: 'verifier', label: '', phase: '', input: null };
      await journal.issue('run-1', [child]);
      await journal.settle('run-1', child.key, value('of the child'));
      return value('of the call');
    };
    expect((await run("return await agent('a')", { journal, answer })).end).toMatchObject({
      value: 'of the call',
      replay: { diverged: 0 },
    });
    expect((await run("return await agent('a')", { journal, answer })).end).toMatchObject({
      value: 'of the call',
      replay: { performed: 0, diverged: 0 },
    });
  });

  it('of an edited script performs what changed, and counts what came up too early or never', async () => {
    const first = await run("const a = await agent('a'); const b = await agent('b'); return a + b");
    const edited = await run("const b = await agent('b'); const a = await agent('a'); return a + b", { journal: first.journal });
    expect(edited.end).toMatchObject({ value: 'ab', replay: { performed: 0, redelivered: 2, diverged: 1 } });
    const other = await run("const b = await agent('b'); return b + await agent('new')", { journal: first.journal });
    expect(kinds(other.performed)).toEqual(['agent "new"']);
    expect(other.end).toMatchObject({ value: 'bnew', replay: { performed: 1, redelivered: 1, diverged: 1 } });
  });

  it('of an edited script hands what came up too early over before what came after it', async () => {
    const first = await run("await agent('early'); await parallel([() => agent('a'), () => agent('c')]); return 1");
    const edited = await run(
      `const order = [];
const note = (name) => order.push(name);
const early = agent('a').then(note).then(() => agent('early')).then(note);
await Promise.all([early, agent('c').then(note)]);
return order;`,
      { journal: first.journal },
    );
    expect(edited.end).toMatchObject({ value: ['a', 'early', 'c'], replay: { performed: 0, redelivered: 3, diverged: 1 } });
  });
});

describe('the order of commits', { timeout: 60_000 }, () => {
  it('is the order of delivery, whatever order the promises settle in', async () => {
    const journal = new MemoryJournal();
    // The later commit is known to its caller first, as over two connections to one database.
    const { promise: second, resolve: known } = Promise.withResolvers<void>();
    const slow: RunOptions['journal'] = {
      append: (...given) => journal.append(...given),
      events: (...given) => journal.events(...given),
      issue: (...given) => journal.issue(...given),
      settled: (...given) => journal.settled(...given),
      settle: async (...given) => {
        const seq = await journal.settle(...given);
        if (seq === 1) await second;
        else known();
        return seq;
      },
    };
    const body = "const order = []; await Promise.all(['x', 'y'].map((name) => agent(name).then((r) => order.push(r)))); return order";
    const end = await runScript({
      run: 'run-1',
      source: META + body,
      view: VIEW,
      calls: callSource(echo),
      signal: new AbortController().signal,
      budgetAt: () => BUDGET,
      journal: slow,
    });
    expect(end).toMatchObject({ value: ['x', 'y'] });
  });

  it('holds for scripts whose prompts depend on who finished first: any order, killed anywhere, nothing is paid twice and nothing diverges', async () => {
    const body = `
      const done = [];
      await pipeline(['a', 'b', 'c', 'd'],
        (name) => agent('first ' + name),
        (text, name) => { done.push(name); return agent('second ' + name + ' after ' + done.join('')) },
        (text) => agent('third ' + text));
      return await agent('end ' + done.join(''));`;
    await assert(
      asyncProperty(infiniteStream(nat()), nat(), nat(), async (picks, cutA, cutB) => {
        const whole = await run(body, { answer: shuffled(picks) });
        let { journal } = whole;
        for (const cut of [cutA, cutB]) {
          const killed = await afterKill(journal, cut % (journal.stored.length + 1));
          const paid = new Set(killed.calls().flatMap((call) => (call.settled === null ? [] : [call.key])));
          const again = await run(body, { journal: killed, answer: shuffled(picks) });
          expect(again.end).toMatchObject({ kind: 'returned', replay: { diverged: 0, redelivered: paid.size } });
          expect(again.performed.filter(({ key }) => paid.has(key))).toEqual([]);
          expect(new Set(again.performed.map(({ key }) => key)).size).toBe(again.performed.length);
          expect(again.journal.calls()).toHaveLength(13);
          ({ journal } = again);
        }
        const last = await run(body, { journal });
        expect(last.performed).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });
});

/** Answers one of the calls under way at a time, drawn from `picks`, once nothing more is being issued. */
function shuffled(picks: Iterator<number>): (call: Performed) => Promise<CallOutcome> {
  const waiting: (() => void)[] = [];
  const turn = (): void => {
    const index = Number(picks.next().value) % waiting.length;
    waiting.splice(index, 1)[0]?.();
    if (waiting.length > 0) setImmediate(turn);
  };
  return ({ args }) =>
    new Promise((resolve) => {
      if (waiting.length === 0) setImmediate(turn);
      waiting.push(() => resolve(value(args[0] ?? null)));
    });
}

describe('what stops a run', { timeout: 60_000 }, () => {
  it('a suspended call settles nothing; others come to rest and keep their results; the next replay goes on', async () => {
    const journal = new MemoryJournal();
    const body = "return await parallel([() => agent('poor'), () => agent('rich')])";
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const answer = async ({ args }: Performed): Promise<CallOutcome> => {
      if (args[0] === 'rich') {
        await asked;
        return value('rich');
      }
      ask();
      throw new Suspended('budget', 'the budget is used up');
    };
    await expect(run(body, { journal, answer })).rejects.toMatchObject({ name: 'Suspended', reason: 'budget' });
    expect(journal.calls().map((call) => call.settled?.outcome.kind ?? 'open')).toEqual(['open', 'value']);
    const again = await run(body, { journal });
    expect(kinds(again.performed)).toEqual(['agent "poor"']);
    expect(again.end).toMatchObject({ value: ['poor', 'rich'] });
  });

  it('the signal ends it with Suspended, after what is under way came to rest', async () => {
    const controller = new AbortController();
    const answer = ({ args }: Performed): Promise<CallOutcome> =>
      args[0] === 'last'
        ? new Promise((_resolve, reject) => {
            controller.signal.addEventListener('abort', () => reject(new Suspended('stopping', 'the process stops')));
            controller.abort();
          })
        : Promise.resolve(value('done'));
    const running = run("await agent('a'); await agent('last')", { signal: controller.signal, answer });
    await expect(running).rejects.toMatchObject({ name: 'Suspended', reason: 'stopping' });
  });

  it('an unexpected throw of a primitive is a null with its cause', async () => {
    const answer = (): never => {
      throw new RangeError('out of range');
    };
    const { end, journal } = await run("return [await agent('a'), failures()[0].cause]", { answer });
    expect(end).toMatchObject({ value: [null, 'unexpected: out of range'] });
    expect(journal.calls()[0]?.settled?.outcome).toEqual({ kind: 'null', cause: 'unexpected: out of range' });
  });

  it('a journal that cannot be written rejects with its error', async () => {
    class Broken extends MemoryJournal {
      override settle(): Promise<number> {
        return Promise.reject(new Error('the disk is full'));
      }
    }
    await expect(run("await agent('a')", { journal: new Broken() })).rejects.toThrow('the disk is full');
  });

  it('an unexpected failure to prepare a call rejects and settles nothing', async () => {
    const journal = new MemoryJournal();
    const calls = { prepare: () => Promise.reject(new Error('the mirror is gone')), view: () => null };
    await expect(run("await agent('a')", { journal, calls })).rejects.toThrow('the mirror is gone');
    expect(journal.stored).toEqual([]);
  });
});

describe('the end', { timeout: 60_000 }, () => {
  it('comes after calls that the script did not wait for, but not after a question to people', async () => {
    const finished: string[] = [];
    const answer = async ({ kind, args }: Performed): Promise<CallOutcome> => {
      if (kind === 'approval') return new Promise(() => {});
      await new Promise((resolve) => setImmediate(resolve));
      finished.push(kind);
      return value(args[0] ?? null);
    };
    const body = "agent('not awaited'); accept({id: 'c'}, {id: 'v'}); approval('well?'); return 'early'";
    const { end } = await run(body, { answer });
    expect(end).toMatchObject({ kind: 'returned', value: 'early' });
    expect(finished).toEqual(['agent', 'accept']);
  });

  it('a run that nobody is to wait for in memory goes on beside an open question, and lets go when only questions are open', async () => {
    const performed: string[] = [];
    const answer = async ({ kind, args, waits }: Performed): Promise<CallOutcome> => {
      performed.push(`${kind} ${JSON.stringify(args)}`);
      // It looks for an answer first: until it has, nobody knows whether it waits.
      await new Promise((resolve) => setImmediate(resolve));
      if (kind !== 'approval') return value(args[0] ?? null);
      waits?.();
      return new Promise(() => {});
    };
    const body = "const asked = approval('well?'); await agent('one'); await agent('two'); return (await asked).approved";
    const journal = new MemoryJournal();
    await expect(run(body, { answer, journal, patient: false })).rejects.toMatchObject({ name: 'Suspended', reason: 'person' });
    expect(performed).toEqual(['approval ["well?"]', 'agent ["one"]', 'agent ["two"]']);
    const said = async ({ kind }: Performed): Promise<CallOutcome> => (kind === 'approval' ? value({ approved: true }) : value(null));
    expect((await run(body, { answer: said, journal, patient: false })).end).toMatchObject({ value: true });
  });

  it('of a script that fails starts nothing that it issued on the way', async () => {
    const { end, performed, journal } = await run("log('told'); agent('a'); throw new Error('no')");
    expect(end).toMatchObject({ kind: 'failed', fault: 'threw', message: expect.stringContaining('no') });
    expect(performed).toEqual([]);
    expect(journal.told()).toEqual(['told']);
  });

  it('of a script that does not parse is its failure, with the place', async () => {
    const { end } = await run('const = 1');
    expect(end).toMatchObject({
      kind: 'failed',
      fault: 'syntax',
      site: '2:7',
      message: expect.stringMatching(/^script\.js:2:7: Unexpected token/u),
    });
  });
});
