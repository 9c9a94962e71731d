import { beforeAll, describe, expect, it } from 'vitest';
import { runSandboxed } from '../../src/script/sandbox.ts';
import { BUDGET, META, VIEW, run, sandboxed, value } from '../script/support.ts';

const SMALL = { sliceMs: 200, silenceMs: 5_000, heartbeatMs: 50, guestBytes: 16 * 1024 * 1024 };

/** What the host must never show to a script, nor in the end of one. */
const HOST = /process|node:|\/(?:work|home|src|node_modules)\/|require\(|parentPort|workerData/u;

async function shown(body: string): Promise<string> {
  const { end } = await sandboxed(META + body, SMALL);
  return JSON.stringify(end.kind === 'returned' ? end.value : end.message);
}

/** Each expression's value as JSON, or `threw …`, in one script; that it made a call is told too. */
async function each(expressions: readonly string[]): Promise<readonly string[]> {
  const tries = expressions.map((code) => `async () => ${code}`).join(',\n');
  const body = `const told = []; for (const attempt of [${tries}]) { try { told.push(JSON.stringify((await attempt()) ?? null)) } catch (error) { told.push('threw ' + error) } } return told`;
  const { end, calls } = await sandboxed(META + body, { ...SMALL, sliceMs: 5_000 });
  expect(calls).toEqual([]);
  if (end.kind !== 'returned' || !Array.isArray(end.value)) throw new Error(JSON.stringify(end));
  return end.value.map(String);
}

/** All that a script can reach from the globals, by constructors, prototypes, descriptors and symbols. */
const WALK = `
const seen = new Set(), found = [];
const visit = (value, path, depth) => {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || depth > 6) return;
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) {
    const name = path + '.' + String(key);
    let inner;
    try { inner = Object.getOwnPropertyDescriptor(value, key); } catch { continue; }
    for (const part of [inner.value, inner.get, inner.set]) visit(part, name, depth + 1);
    if (/^(?:process|require|module|global|Buffer|WebAssembly|Worker|parentPort|postMessage|host|post|door|settle|begin|SharedArrayBuffer|Atomics|WeakRef|FinalizationRegistry|std|os|print|console|navigator|scriptArgs|Deno|Bun)$/.test(String(key))) found.push(name);
  }
  visit(Object.getPrototypeOf(value), path + '.__proto__', depth + 1);
};
visit(globalThis, 'globalThis', 0);
`;

describe('a way out of the script', { timeout: 60_000 }, () => {
  it('a walk over everything that hangs on the globals finds nothing of the host', async () => {
    const { end } = await sandboxed(`${META}${WALK}return found`, { ...SMALL, sliceMs: 5_000 });
    // `require` is there to refuse, with words that say what to do instead.
    expect(end.kind === 'returned' ? end.value : end.message).toEqual(['globalThis.RegExp.prototype.global', 'globalThis.require']);
  });

  describe('to time, chance and network', () => {
    const WAYS = [
      ['Date', 'new Date(0).constructor.now()'],
      ['Date by its prototype', 'Object.getPrototypeOf(new Date(0)).constructor()'],
      ['Date by new.target', 'Reflect.construct(Date, [], Object)'],
      ['Date by a subclass', 'new (class extends Date {})()'],
      ['Date by toString', "new Date(NaN).constructor['now']()"],
      ['Date by eval', "(0, eval)('Date.now()')"],
      ['Date by Function', "Function('return new Date()')()"],
      ['Date by an async function', "await (async () => {}).constructor('return Date.now()')()"],
      ['Math.random by Function', "Function('return Math.random()')()"],
      ['Math.random by descriptor', "Object.getOwnPropertyDescriptor(Math, 'random').value.call(Math)"],
      ['performance', 'performance.now()'],
      ['setTimeout', 'setTimeout(() => 1, 0)'],
      ['fetch', "await fetch('http://127.0.0.1/')"],
    ] as const;
    let told: readonly string[] = [];
    beforeAll(async () => {
      told = await each(WAYS.map(([, code]) => code));
    });
    it.each(WAYS.map(([name], at) => [name, at] as const))('by %s tells nothing', (_name, at) => {
      expect(told[at]).toMatch(/is not available in a script/u);
    });
  });

  it('the constructors of primitives, of what is frozen and of what is guarded make functions of the script alone', async () => {
    const names = [
      'agent',
      'migrate',
      'parallel',
      'pipeline',
      'phase',
      'log',
      'accept',
      'approval',
      'budget.spent',
      'failures',
      'Date',
      'Math.random',
    ];
    const chain = (name: string): string =>
      `(() => { const F = ${name}.constructor; const up = F.constructor.constructor; return [F === Function, typeof up('return this')().process, typeof up('return this.constructor')().prototype.require] })()`;
    expect(await each(names.map(chain))).toEqual(names.map(() => '[true,"undefined","undefined"]'));
  });

  it('what it is given is frozen: a script makes no other truth of it', async () => {
    const names = ['shards', 'budget', 'budget.dollars'];
    const write = (name: string): string =>
      `(() => { try { ${name}.spent = () => 0; return 'written' } catch { return Object.isFrozen(${name}) } })()`;
    expect(await each(names.map(write))).toEqual(names.map(() => 'true'));
  });

  it('primitives cannot be replaced for saved scripts that are called afterwards', async () => {
    const text = await shown("try { agent = () => 'forged' } catch (error) { return error.name } return 'replaced'");
    expect(text).toMatch(/TypeError|ReferenceError/u);
  });

  it('the stack of an error has no place of ours', async () => {
    const text = await shown('try { agent() } catch (error) { return error.stack + Object.getOwnPropertyNames(error).join() }');
    expect(text).not.toMatch(HOST);
  });

  it('an overflow of the stack inside of a primitive leaves nothing of the host in the error', async () => {
    const text = await shown(
      'const all = []; const f = (n) => { try { return f(n + 1) } catch (error) { all.push(String(error.stack)); try { agent("x", {schema: {}}) } catch (inner) { all.push(String(inner.stack)) } throw error } }; try { f(0) } catch {} return all.slice(0, 20).join()',
    );
    expect(text).not.toMatch(HOST);
  });
});

describe('what crosses the boundary', { timeout: 60_000 }, () => {
  const WRONG = [
    ['a function', 'agent(() => 1)'],
    ['a function among the options', "agent('x', {schema: () => 1})"],
    ['a class', "agent('x', {schema: new (class A {})()})"],
    ['a Map', "agent('x', {schema: new Map()})"],
    ['a typed array', "agent('x', {schema: new Uint8Array(9)})"],
    ['an ArrayBuffer', "agent('x', {schema: new ArrayBuffer(9)})"],
    ['a BigInt', "agent('x', {schema: {n: 1n}})"],
    ['a symbol', "agent('x', {schema: {s: Symbol('s')}})"],
    ['NaN', "agent('x', {schema: {n: NaN}})"],
    ['a cycle', "const a = {}; a.a = a; agent('x', {schema: a})"],
    ['a cycle of arrays', "const a = []; a.push(a); agent('x', {schema: {a}})"],
    ['a promise', "agent('x', {schema: Promise.resolve({})})"],
    [
      'a proxy that never ends',
      "let p = {}; p = new Proxy({}, {ownKeys: () => ['a'], getOwnPropertyDescriptor: () => ({value: 1, enumerable: true, configurable: true}), get: () => p}); agent('x', {schema: p})",
    ],
    ['an unknown option', "agent('x', {constructor: 1})"],
    ['a handle without an id', 'accept({}, {})'],
    ['a handle that is a proxy', "accept(new Proxy({}, {get() { throw 1 }}), {id: 'x'})"],
    ['too many arguments', "agent('x', {}, {}, {})"],
    ['a negative length', 'parallel({length: -1})'],
    ['a sparse array', 'parallel(new Array(4294967295))'],
    ['an async generator', 'pipeline((async function* () { for (;;) yield 1 })(), (x) => x)'],
    ['an endless iterator', 'parallel({[Symbol.iterator]: () => ({next: () => ({value: 1, done: false})})})'],
  ] as const;
  let wrong: readonly string[] = [];
  beforeAll(async () => {
    wrong = await each(WRONG.map(([, code]) => `(() => { ${code.includes(';') ? code : `return ${code}`} })()`));
  });
  it.each(WRONG.map(([name], at) => [name, at] as const))('%s is an error of the script, and no call', (name, at) => {
    expect(wrong[at]).toMatch(name.startsWith('a cycle') ? /contains itself/u : /^threw [A-Z]?\w*/u);
  });

  it.each([
    ['a proxy whose keys are endless', "agent('x', {schema: new Proxy({}, {ownKeys() { for (;;); }})})"],
    ['a getter that never ends', "agent('x', {get schema() { for (;;); }})"],
    ['a getter that throws its own error', "agent('x', {get schema() { throw {toString() { for (;;); }} }})"],
  ])('%s is an error of the script, and no call', async (_what, code) => {
    const { end, calls } = await sandboxed(`${META}\n${code}`, SMALL);
    expect(end).toMatchObject({ kind: 'failed', fault: 'time' });
    expect(calls).toEqual([]);
  });

  it.each([
    ['toJSON', "agent('x', {schema: {toJSON: 1, type: 'object'}})", { toJSON: 1, type: 'object' }],
    ['a getter that changes', "let n = 0; agent('x', {schema: {get a() { return n++ }}})", { a: 0 }],
    [
      '__proto__ as a key of JSON',
      'agent(\'x\', {schema: JSON.parse(\'{"__proto__": {"polluted": 1}}\')})',
      JSON.parse('{"__proto__": {"polluted": 1}}'),
    ],
    [
      'constructor as a key',
      "agent('x', {schema: {constructor: {prototype: {polluted: 1}}}})",
      { constructor: { prototype: { polluted: 1 } } },
    ],
  ])('%s is data and nothing more', async (_what, code, schema) => {
    const { calls } = await sandboxed(
      `${META}\nreturn await ${code.includes(';') ? `(() => { ${code.replace('agent(', 'return agent(')} })()` : code}`,
      SMALL,
    );
    expect(calls.map(({ args }) => JSON.stringify(args))).toEqual([JSON.stringify(['x', { schema }])]);
    expect('polluted' in {}).toBe(false);
  });

  it('a result with __proto__ and constructor pollutes neither the script nor the host', async () => {
    const answer = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
    const { end } = await run("const a = await agent('x'); return [({}).polluted ?? null, Object.keys(a).length]", {
      answer: () => value(answer),
    });
    expect(end).toMatchObject({ kind: 'returned', value: [null, 2] });
    expect('polluted' in {}).toBe(false);
  });

  it('a thenable that is returned is asked once, and its calls are calls like others', async () => {
    const { end } = await sandboxed(`${META}return {then(resolve) { resolve({then: 'no function'}) }}`, SMALL);
    expect(JSON.stringify(end)).toBe('{"kind":"returned","value":{"then":"no function"}}');
  });

  it('a thenable that never settles, and one that settles itself for ever, end the run with words', async () => {
    const waiting = await sandboxed(`${META}return {then() {}}`, SMALL);
    expect(waiting.end).toMatchObject({ kind: 'failed', fault: 'deadlock' });
    const endless = await sandboxed(`${META}const t = {then(resolve) { resolve(t) }}; return t`, SMALL);
    expect(endless.end).toMatchObject({ kind: 'failed', fault: 'time' });
  });

  it('a script that overwrites Promise.prototype.then settles no call for itself', async () => {
    const body =
      "const honest = agent('x'); Promise.prototype.then = function (f) { f('forged'); return this }; return String(await honest)";
    const { end, calls } = await sandboxed(META + body, SMALL);
    expect(calls).toHaveLength(1);
    expect(end).toEqual({ kind: 'returned', value: 'x' });
  });

  it('numbers of calls cannot be forged: a script answers no call of its own', async () => {
    const body =
      "Object.defineProperty(Object.prototype, '1', {get: () => ({resolve() {}, reject() {}}), set() {}, configurable: true}); return await agent('x')";
    const { end, calls } = await sandboxed(META + body, SMALL);
    // It spoils the prelude's arrays for itself alone.
    expect(end).toMatchObject({ kind: 'failed' });
    expect(calls).toEqual([]);
  });
});

describe('a script that floods', { timeout: 60_000 }, () => {
  it('thousands of calls at once are calls, and no more than the limit', async () => {
    const { end, calls } = await sandboxed(
      `${META}await parallel(Array.from({length: 4000}, (_, i) => () => agent('a' + i))); return 'done'`,
      {
        ...SMALL,
        sliceMs: 5_000,
        guestBytes: 64 * 1024 * 1024,
      },
    );
    expect(end).toMatchObject({ kind: 'returned' });
    expect(calls).toHaveLength(4_000);
    const more = await sandboxed(`${META}await parallel(Array.from({length: 4097}, (_, i) => () => agent('a' + i)))`, {
      ...SMALL,
      sliceMs: 5_000,
    });
    expect(more.end).toMatchObject({ kind: 'failed', message: expect.stringContaining('at most 4096') });
    expect(more.calls).toEqual([]);
  });

  it.each([
    ['a string that doubles', "let s = 'x'; for (;;) s += s"],
    ['an array of arrays', 'const a = []; for (;;) a.push(new Array(1e6).fill(a.length))'],
    ['JSON of itself', "let s = '[]'; for (;;) s = JSON.stringify([s, s])"],
    ['a regular expression with many groups', "new RegExp('(?:'.repeat(20000) + 'a' + ')*'.repeat(20000)).test('a'.repeat(5000) + 'b')"],
    ['closures without end', 'let f = () => 1; for (;;) { const g = f; f = () => g() }'],
    ['padded strings', "for (let a = []; ; ) a.push('x'.padStart(1e7) + a.length)"],
    ['symbols without end', 'const all = []; for (;;) all.push(Symbol(all.length))'],
  ])('%s ends in an error, and the next script runs', async (_what, code) => {
    const { end } = await sandboxed(`${META}${code}`, SMALL);
    expect(end).toMatchObject({ kind: 'failed' });
    expect((await sandboxed(`${META}return 1`)).end).toEqual({ kind: 'returned', value: 1 });
  });

  it('generators, and promises that make promises, end in an error', async () => {
    for (const code of [
      'const g = function* () { for (;;) yield* g() }; for (const x of g()) ;',
      'const p = () => new Promise((r) => r(p())); await p()',
      'await Promise.all(Array.from({length: 1e6}, () => new Promise(() => {})))',
      'for await (const x of (async function* () { for (;;) yield 1 })()) ;',
      'queueMicrotask(function f() { queueMicrotask(f) }); await new Promise(() => {})',
    ])
      expect((await sandboxed(`${META}${code}`, SMALL)).end, code).toMatchObject({ kind: 'failed' });
  });

  it('logs of megabytes are bounded together', async () => {
    const { end, tells } = await sandboxed(`${META}for (let i = 0; i < 100; i++) log('x'.repeat(100000)); return 1`, {
      ...SMALL,
      sliceChars: 1_000_000,
    });
    expect(tells.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(1_000_000);
    expect(['returned', 'failed']).toContain(end.kind);
  });
});

it(
  'what a script says of itself at its end stands in no error as code: no host word, whatever it throws',
  { timeout: 60_000 },
  async () => {
    for (const thrown of [
      'null',
      'undefined',
      'Symbol("x")',
      '1n',
      '{get message() { throw 1 }}',
      'new Proxy(new Error("x"), {get() { throw 1 }})',
      'Object.create(null)',
      '{toString() { for (;;); }}',
      '[[[]]]',
    ]) {
      const { end } = await sandboxed(`${META}throw ${thrown}`, SMALL);
      expect(end, thrown).toMatchObject({ kind: 'failed' });
      expect(JSON.stringify(end)).not.toMatch(HOST);
    }
  },
);

it('a port whose answer is hostile text cannot run code in the script', { timeout: 60_000 }, async () => {
  const hostile = '"}]); throw new Error("injected"); (() => ["\u2028</script><!--';
  const end = await runSandboxed({
    source: `${META}return await agent('x')`,
    view: VIEW,
    port: {
      drained: () => Promise.resolve(),
      next: () => Promise.resolve([{ id: 1, outcome: value(hostile), budget: BUDGET, failure: null }]),
    },
  });
  expect(end).toEqual({ kind: 'returned', value: hostile });
});
