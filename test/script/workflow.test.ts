import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import { afterKill, echo, META, run, type RunResult, value } from './support.ts';

/* workflow(name, args): a saved script of the plan, inline, one level deep. */

const saved = (name: string, body: string) => ({ name, source: META + body });

function returned({ end }: RunResult): Json {
  if (end.kind === 'failed') throw new Error(end.message);
  return end.value;
}

function message({ end }: RunResult): string {
  return end.kind === 'failed' ? end.message : `returned ${JSON.stringify(end.value)}`;
}

describe('a saved script that is called', () => {
  it('runs inline with arguments and a meta of its own; calls, phases, budget and failures are shared', async () => {
    const child = saved(
      'child',
      `phase('Inside');
const mine = await agent(\`\${meta.name} of \${args.who}\`);
const lost = await agent('null inside');
return { mine, lost, causes: failures().map(({ cause }) => cause), same: budget.dollars.total };`,
    );
    const result = await run(
      `const meta2 = meta.name;
const got = await workflow('child', { who: 'robin' });
return { got, own: args, after: await agent('after'), seen: failures().map(({ site }) => site) };`,
      { saved: [child], view: { args: { rounds: 3 }, shards: [], budget: { total: null, spent: 0, dollars: { total: 5, spent: 0 } } } },
    );
    expect(returned(result)).toEqual({
      got: { mine: 'test of robin', lost: null, causes: ['cause of null inside'], same: 5 },
      own: { rounds: 3 },
      after: 'after',
      seen: ['child.js:4:20'],
    });
    expect(result.journal.told()).toEqual(['# Inside']);
    expect(result.performed.map(({ args }) => args)).toEqual([
      ['test of robin', { phase: 'Inside' }],
      ['null inside', { phase: 'Inside' }],
      ['after', { phase: 'Inside' }],
    ]);
  });

  it('E6: is given JSON text as what it means, other text as text, nothing as undefined', async () => {
    const child = saved('child', 'return typeof args === "object" ? args.a : String(args);');
    const result = await run(
      `return [await workflow('child', '{"a": 1}'), await workflow('child', { a: 2 }), await workflow('child', 'plain'), await workflow('child')];`,
      { saved: [child] },
    );
    expect(returned(result)).toEqual([1, 2, 'plain', 'undefined']);
  });

  it('may name its variables as it likes', async () => {
    const child = saved('child', 'const workflow = 1, phase = 2;\nfunction log() { return 3 }\nreturn [workflow, phase, log()];');
    expect(returned(await run(`const args = 7; return [args, await workflow('child')];`, { saved: [child] }))).toEqual([7, [1, 2, 3]]);
  });

  it('works in parallel, each with its own arguments, and its calls have the keys of the same calls elsewhere', async () => {
    const child = saved('child', 'return await agent(args.ask);');
    const result = await run(`return await parallel(['a', 'b'].map((ask) => () => workflow('child', { ask })));`, { saved: [child] });
    expect(returned(result)).toEqual(['a', 'b']);
    const plain = await run(`return [await agent('a'), await agent('b')];`, { journal: result.journal });
    expect(returned(plain)).toEqual(['a', 'b']);
    expect(plain.performed).toEqual([]);
  });

  it('is replayed after a kill at every event: nothing that finished is done again, and the end is the same', async () => {
    const child = saved('child', `const a = await agent('one ' + args); phase('Two'); return a + await agent('two ' + a);`);
    const body = `const [x, y] = await parallel([() => workflow('child', 'x'), () => workflow('child', 'y')]); return x + y + await agent('end');`;
    const whole = await run(body, { saved: [child] });
    for (let events = 1; events <= whole.journal.stored.length; events += 1) {
      const journal = await afterKill(whole.journal, events);
      const done = new Set(journal.calls().flatMap(({ key, settled }) => (settled === null ? [] : [key])));
      const again = await run(body, { saved: [child], journal });
      expect(returned(again)).toEqual(returned(whole));
      expect(again.performed.filter(({ key }) => done.has(key))).toEqual([]);
      expect(again.end.replay.diverged).toBe(0);
    }
  });
});

describe('what throws', () => {
  it('an unknown name, with those that were pinned', async () => {
    const result = await run(`return await workflow('chi' + 'ld');`, { saved: [saved('other', ''), saved('more', '')] });
    expect(message(result)).toContain(
      'script.js:2:14: workflow: no saved script "child" was pinned with the plan (those are: other, more)',
    );
    expect(message(result)).toContain('only names that stand in the script as they are');
  });

  it('a syntax error, where it is called and with its place', async () => {
    const body = `try { await workflow('bad') } catch (error) { return error.message }`;
    expect(returned(await run(body, { saved: [saved('bad', 'const a = ;'), saved('fine', '')] }))).toMatch(
      /^workflow: the saved script "bad" cannot run: bad\.js:2:11: Unexpected token/u,
    );
    expect(returned(await run(`return 'not called'`, { saved: [saved('bad', 'const a = ;')] }))).toBe('not called');
  });

  it('a second level, even by a name that is there', async () => {
    const two = [saved('one', `return await workflow('two')`), saved('two', 'return 2')];
    expect(message(await run(`return await workflow('one')`, { saved: two }))).toContain(
      'one.js:2:14: workflow: a saved script that was called by another cannot call a third; expected one level',
    );
    expect(message(await run(`return await workflow('one')`, { saved: [saved('one', `return typeof globalThis.workflow`)] }))).toBe(
      'returned "undefined"',
    );
  });

  it('an error inside, with the place in the saved script, which the caller may catch', async () => {
    const child = saved('child', `const é = '€'; const fail = () => { throw new Error('inner') };\nawait agent('a'); fail();`);
    expect(message(await run(`await workflow('child');`, { saved: [child] }))).toMatch(/^child\.js:2:\d+: inner$/u);
    expect(returned(await run(`return await workflow('child').catch((error) => error.message);`, { saved: [child] }))).toBe('inner');
  });

  it('a child that hangs, or goes round for ever: told with its own line', async () => {
    expect(message(await run(`await workflow('child');`, { saved: [saved('child', `\nawait new Promise(() => {});`)] }))).toMatch(
      /^child\.js:3:1: the script can never go on/u,
    );
    const endless = saved('child', 'for (const a of [1]) {}\nwhile (true) {}');
    expect(
      message(
        await run(`for (const a of [1]) {}\nawait workflow('child');`, {
          saved: [saved('other', 'for (;;) {}'), endless],
          limits: { sliceMs: 50 },
        }),
      ),
    ).toMatch(/^child\.js:3:1: .*It was last seen in the loop/u);
  });

  it('hostile names and texts reach no host object', async () => {
    const result = await run(
      `const out = []; for (const name of ['__proto__', 'constructor', 'toString']) try { await workflow(name) } catch (error) { out.push(error.message.slice(0, 40)) } return out;`,
      { saved: [saved('child', 'return 1')], answer: (call) => value(call.args[0] ?? echo(call).kind) },
    );
    expect(returned(result)).toEqual(
      ['__proto__', 'constructor', 'toString'].map((name) => `workflow: no saved script "${name}" was pinned`.slice(0, 40)),
    );
    const closing = saved('child', `}}; globalThis.leaked = 1; (async () => {{`);
    expect(message(await run(`await workflow('child')`, { saved: [closing] }))).toContain('child.js:2:1: Unexpected token');
  });
});
