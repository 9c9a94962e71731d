import { describe, expect, it } from 'vitest';
import { inGeneration, stands } from '../../src/domain/generation.ts';
import type { CallOutcome } from '../../src/journal/journal.ts';
import { MemoryJournal, type Performed, afterKill, echo, run, value } from './support.ts';

/* facts/dynamic-workflows.md §5, C: what is paid stays paid, whatever is tried again. */

/** Opens the calls that came to nothing again, as a retry does. */
function retried(journal: MemoryJournal, generation = 2): Map<string, string> {
  const failed = journal.calls().filter(({ key, settled }) => settled !== null && settled.outcome.kind !== 'value' && !key.includes('~'));
  return new Map(failed.map(({ key }) => [key, inGeneration(generation, key)]));
}

const names = (performed: readonly Performed[]): readonly string[] =>
  performed.map(({ args }) => (typeof args[0] === 'string' ? args[0] : ''));

/** The same numbers in another order for each seed; no randomness. */
function shuffled(count: number, seed: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => (at * 37 + seed * 11) % count);
}

describe('C1: of 100 agents, 96 finished', { timeout: 60_000 }, () => {
  const body = (order: readonly number[]): string =>
    `return (await parallel(${JSON.stringify(order)}.map((n) => () => agent('agent ' + n)))).filter((r) => r !== null).length;`;

  it.each([0, 1, 2])('whatever the order of start (%i), only the 4 that failed run again', async (seed) => {
    const broken = new Set(['agent 3', 'agent 41', 'agent 42', 'agent 99']);
    const answer = (call: Performed): CallOutcome =>
      names([call]).some((name) => broken.has(name)) ? { kind: 'null', cause: 'refused' } : echo(call);
    const first = await run(body(shuffled(100, 0)), { answer });
    expect(first.end).toMatchObject({ value: 96 });
    const again = await run(body(shuffled(100, seed)), { journal: first.journal, reopened: retried(first.journal) });
    expect(names(again.performed).toSorted()).toEqual([...broken].toSorted());
    expect(again.end).toMatchObject({ value: 100, replay: { performed: 4, redelivered: 96 } });
  });

  it.each([0, 1, 2])('stopped at 96 and resumed in another order of start (%i), only the 4 unfinished run', async (seed) => {
    const whole = await run(body(shuffled(100, 0)));
    const settled = whole.journal.stored.flatMap(({ event }, at) => (event.type === 'call.settled' ? [at] : []));
    const killed = await afterKill(whole.journal, (settled[95] ?? 0) + 1);
    const ended = new Set(killed.calls().flatMap(({ settled: end, key }) => (end === null ? [] : [key])));
    const open = whole.journal.calls().flatMap(({ key, input }) => (ended.has(key) ? [] : [JSON.stringify(input)]));
    const again = await run(body(shuffled(100, seed)), { journal: killed });
    expect(open).toHaveLength(4);
    expect(again.performed.map(({ args }) => JSON.stringify([...args, {}])).toSorted()).toEqual(open.toSorted());
    expect(again.end).toMatchObject({ value: 100 });
  });
});

describe('a run that is stopped while its calls are issued', { timeout: 60_000 }, () => {
  const body = `return (await parallel(Array.from({ length: 100 }, (_, n) => () => agent('agent ' + n)))).length;`;

  it('begins no more of them, and the rest when it goes on', async () => {
    const stop = new AbortController();
    const journal = new MemoryJournal();
    const first: string[] = [];
    const answer = (call: Performed): CallOutcome => {
      stop.abort();
      first.push(...names([call]));
      return echo(call);
    };
    await expect(run(body, { journal, answer, signal: stop.signal })).rejects.toMatchObject({ reason: 'stopping' });
    expect(first.length).toBeLessThanOrEqual(32);
    expect(journal.calls().length).toBeLessThanOrEqual(32);
    const again = await run(body, { journal });
    expect([...first, ...names(again.performed)].toSorted()).toEqual(Array.from({ length: 100 }, (_, n) => `agent ${n}`).toSorted());
    expect(again.end).toMatchObject({ value: 100 });
  });

  it('ends with the failure of a journal, after what was under way came to rest', async () => {
    const journal = new MemoryJournal();
    const issue = journal.issue.bind(journal);
    let portions = 0;
    journal.issue = (of, calls) => {
      portions += 1;
      return portions === 3 ? Promise.reject(new Error('the disk is full')) : issue(of, calls);
    };
    const ended: string[] = [];
    const answer = async (call: Performed): Promise<CallOutcome> => {
      await Promise.resolve();
      ended.push(...names([call]));
      return echo(call);
    };
    await expect(run(body, { journal, answer })).rejects.toThrow('the disk is full');
    expect(ended).toHaveLength(32);
    const again = await run(body, { journal });
    expect(again.performed).toHaveLength(68);
    expect(again.end).toMatchObject({ value: 100 });
  });
});

describe('C2: an edited script', { timeout: 60_000 }, () => {
  it('runs the changed call and what depends on it again, and nothing else', async () => {
    const body = (prompt: string): string => `
      const a = await agent('${prompt}');
      const [b, c] = await parallel([() => agent('after ' + a), () => agent('independent')]);
      return await agent('end ' + b + c);`;
    const first = await run(body('one'));
    const edited = await run(body('two'), { journal: first.journal });
    expect(names(edited.performed)).toEqual(['two', 'after two', 'end after twoindependent']);
    expect(edited.end).toMatchObject({ value: 'end after twoindependent' });
  });
});

describe('C4: a call that is open again', { timeout: 60_000 }, () => {
  const body = `const [a, b] = await parallel([() => agent('a'), () => agent('b')]);
    return [a, b, failures().map((failure) => failure.cause)];`;

  it('settles under a key of its own; the failure stays in the record and is not delivered any more', async () => {
    const answer = ({ args }: Performed): CallOutcome => (args[0] === 'a' ? { kind: 'null', cause: 'refused' } : value('first b'));
    const { journal, end } = await run(body, { answer });
    expect(end).toMatchObject({ value: [null, 'first b', ['refused']] });
    const reopened = retried(journal);
    const again = await run(body, { journal, reopened, answer: () => value('second a') });
    expect(again.end).toMatchObject({ value: ['second a', 'first b', []], replay: { performed: 1, redelivered: 1, diverged: 0 } });
    const [key] = reopened.keys();
    expect(again.performed.map((call) => call.key)).toEqual([`${key}~2`]);
    const ends = new Map(journal.calls().map((call) => [call.key, call.settled?.outcome]));
    expect(ends.get(key ?? '')).toEqual({ kind: 'null', cause: 'refused' });
    expect(ends.get(`${key}~2`)).toEqual(value('second a'));
  });

  it('is answered from its own key when the run is resumed, also in a third generation', async () => {
    const { journal } = await run(body, { answer: () => ({ kind: 'null', cause: 'refused' }) });
    const second = retried(journal);
    await run(body, { journal, reopened: second, answer: ({ args }) => (args[0] === 'a' ? value('a') : { kind: 'null', cause: 'again' }) });
    const resumed = await run(body, { journal, reopened: second });
    expect(resumed.performed).toEqual([]);
    expect(resumed.end).toMatchObject({ value: ['a', null, ['again']] });
    const third = new Map([...second].map(([issued, key]) => [issued, key === [...second.values()][1] ? `${issued}~3` : key]));
    const last = await run(body, { journal, reopened: third });
    expect(names(last.performed)).toEqual(['b']);
    expect(last.end).toMatchObject({ value: ['a', 'b', []], replay: { diverged: 0 } });
  });

  it('takes its child calls along', () => {
    const reopened = new Map([['h#1', 'h#1~2']]);
    expect(['h#1', 'h#1/gates', 'h#1~2', 'h#1~2/gates', 'h#2', 'h#2/gates'].filter((key) => stands(reopened, key))).toEqual([
      'h#1~2',
      'h#1~2/gates',
      'h#2',
      'h#2/gates',
    ]);
  });

  it('leaves a script whose prompts depend on who finished first the same in every resume', async () => {
    const racing = `const done = [];
      await parallel(['a', 'b', 'c'].map((name) => async () => {
        const first = await agent(name);
        done.push(first === null ? name + ' failed' : name);
        return agent('then ' + name + ' after ' + done.join());
      }));
      log('told ' + done.join());
      return await agent('end ' + done.join());`;
    const { journal } = await run(racing, { answer: (call) => (call.args[0] === 'b' ? { kind: 'null', cause: 'refused' } : echo(call)) });
    const reopened = retried(journal);
    const before = journal.stored.length;
    const again = await run(racing, { journal, reopened });
    expect(again.end).toMatchObject({ value: 'end a,c,b' });
    for (let events = before; events <= journal.stored.length; events += 1) {
      const killed = await afterKill(journal, events);
      const resumed = await run(racing, { journal: killed, reopened });
      expect(resumed.end).toMatchObject({ value: 'end a,c,b' });
      expect(killed.told()).toEqual(journal.told());
      expect(killed.calls().map(({ key }) => key)).toEqual(journal.calls().map(({ key }) => key));
    }
  });
});
