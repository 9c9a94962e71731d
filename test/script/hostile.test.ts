import { describe, expect, it } from 'vitest';
import type { CallOutcome } from '../../src/journal/journal.ts';
import { SCRIPT_LIMITS } from '../../src/script/protocol.ts';
import { META, run, sandboxed } from './support.ts';

/** Small bounds, so that the suite is quick; the production ones are asserted below. */
const SMALL = { sliceMs: 150, silenceMs: 20_000, heartbeatMs: 50, guestBytes: 16 * 1024 * 1024 };

async function end(body: string, limits: Parameters<typeof sandboxed>[1] = {}): Promise<unknown> {
  return (await sandboxed(META + body, { ...SMALL, ...limits })).end;
}

describe('E5 a script that never ends', { timeout: 60_000 }, () => {
  it.each([
    ['a loop', '\n  for (;;) { }', '3:3'],
    ['a loop that is a statement', '\nwhile (true) ;', '3:1'],
    ['a loop in a function', "\nawait agent('a');\nfor (const x of [1]) { }\nconst f = () => { do { } while (true) };\nf();", '5:19'],
    ['a loop that catches', '\nfor (;;) { try { for (;;) { } } catch { } }', '3:18'],
    ['a loop in finally', '\ntry { for (;;) { } } finally { for (;;) { } }', '3:7'],
    ['a microtask loop', '\nfor (;;) await 0;', '3:1'],
    ['a regular expression', "\n/(a+)+$/.test('a'.repeat(40) + 'b')", null],
    ['toJSON', "\nawait agent('a', {schema: {get x() { for (;;) { } }}})", '3:38'],
  ])('%s is stopped', async (_name, body, site) => {
    expect(await end(body)).toMatchObject({
      kind: 'failed',
      fault: 'time',
      site,
      message: expect.stringContaining('Give every loop an end'),
    });
  });

  it('a flood of jobs is stopped', async () => {
    // Memory as in production: a quick machine fills the small one before the time is up.
    const flood = '\nconst flood = () => Promise.resolve().then(flood); flood(); flood(); await new Promise(() => {})';
    expect(await end(flood, { guestBytes: SCRIPT_LIMITS.guestBytes })).toMatchObject({ kind: 'failed', fault: 'time', site: null });
  });

  it('recursion through promises is stopped, by its time or by its memory, whichever ends first', async () => {
    const found = await end('\nconst f = async () => { await 0; return f() }; await f()');
    expect(found).toMatchObject({ kind: 'failed', fault: expect.stringMatching(/^(time|memory)$/u) });
  });

  it.each([
    ['includes', 'Array.prototype.includes.call({length: 2 ** 53 - 1}, 1)'],
    ['indexOf', "const long = 'a'.repeat(7e6); for (;;) long.indexOf('b')"],
    ['reverse', 'Array.prototype.reverse.call({length: 2 ** 53 - 1})'],
  ])('in a native built-in that nothing interrupts (%s) is killed with its thread', async (_name, body) => {
    expect(await end(body, { silenceMs: 500 })).toMatchObject({ kind: 'failed', fault: 'time' });
  });

  it('in many short slices is stopped by the time in all', async () => {
    const body = "for (let i = 0; ; i++) { for (let n = 0; n < 300_000; n++) ; await agent('a' + i) }";
    expect(await end(body, { sliceMs: 1000, cpuMs: 200 })).toMatchObject({ kind: 'failed', fault: 'time' });
  });
});

describe('E5 a script that eats memory', { timeout: 60_000 }, () => {
  it.each([
    ['an array', "\nconst all = [];\nfor (;;) all.push('x'.repeat(1e5) + all.length);", /^4:/u],
    ['a string', "\nreturn 'x'.repeat(1e9).length;", /^3:/u],
    ['a buffer', '\nreturn new Uint8Array(1e9).length;', /^3:/u],
  ])('%s fails with its place', async (_name, body, site) => {
    expect(await end(body)).toMatchObject({ kind: 'failed', fault: 'memory', site: expect.stringMatching(site) });
    expect(await end(body)).toMatchObject({ message: expect.stringContaining('more memory than its 16 MB') });
  });

  it('and catches the error is stopped by time', async () => {
    const body = "const all = []; for (;;) { try { all.push('x'.repeat(1e6) + all.length) } catch { } }";
    expect(await end(body)).toMatchObject({ kind: 'failed', fault: 'time' });
  });

  it.each([
    ['calls', '\nconst f = (n) => f(n + 1) + 1; return f(0)'],
    ['JSON', "\nreturn JSON.parse('['.repeat(1e6))"],
    ['a proxy', '\nlet p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); return p.x'],
    ['a regular expression', "\nreturn new RegExp('('.repeat(1e5))"],
  ])('nested %s are an error of the script', async (_name, body) => {
    expect(await end(body)).toMatchObject({ kind: 'failed', site: expect.stringMatching(/^3:/u) });
  });
});

describe('a script that waits for what never comes', { timeout: 60_000 }, () => {
  it.each([
    ['\nconst a = 1;\n  await new Promise(() => {});', '4:3'],
    ["\nawait parallel([() => agent('a'), async () => {\n  await agent('b');\n  await new Promise(() => {});\n}]);", '5:3'],
    ['\nawait parallel([async () => {\n  await new Promise(() => {});\n}]);', '4:3'],
    ["\nconst one = (async () => { await agent('a'); await other() })();\nconst other = () => one;\nawait one;", '3:46'],
  ])('%j is told where', async (body, site) => {
    expect(await end(body)).toMatchObject({ kind: 'failed', fault: 'deadlock', site, message: expect.stringContaining('can never go on') });
  });
});

describe('bounds of what crosses', { timeout: 60_000 }, () => {
  it('a call of more than 4 MB is an error at its place', async () => {
    const { end: stopped } = await sandboxed(`${META}\nawait agent('x'.repeat(4 * 1024 * 1024))`);
    expect(stopped).toMatchObject({ fault: 'threw', site: '3:7', message: expect.stringContaining('more than 4194304 characters') });
  });

  it('many large calls at once are bounded together', async () => {
    expect(await end("\nfor (let i = 0; i < 9; i++) agent('x'.repeat(1000) + i);", { sliceChars: 5000 })).toMatchObject({
      fault: 'threw',
      site: '3:29',
    });
  });

  it('a result that is too large throws in the script', async () => {
    const body = "\nconst a = await agent('x'.repeat(600));\nreturn 'never'";
    const { end: stopped } = await sandboxed(META + body, { messageChars: 650 });
    expect(stopped).toMatchObject({ fault: 'threw', site: '3:17', message: expect.stringContaining('can be given at most 650') });
  });

  it('a returned value that is too large is an error', async () => {
    expect(await end("return 'x'.repeat(2000)", { messageChars: 1000 })).toMatchObject({
      fault: 'threw',
      message: expect.stringContaining('the returned value'),
    });
  });

  it('logs end after the limit, with one line that says so', async () => {
    const { end: returned, tells } = await sandboxed(`${META}for (let i = 0; i < 50; i++) log('line ' + i); return 1`, { logs: 3 });
    expect(returned).toEqual({ kind: 'returned', value: 1 });
    expect(tells.map(({ text }) => text)).toEqual(['line 0', 'line 1', 'line 2', 'more than 3 lines were told; what follows is not shown']);
  });

  it('calls without end are stopped, and none of that slice is issued', async () => {
    const { end: stopped, calls } = await sandboxed(`${META}\nfor (let i = 0; ; i++) agent('a' + i);`, { calls: 20 });
    expect(stopped).toMatchObject({ fault: 'limit', site: '3:1', message: expect.stringContaining('more than 20 calls') });
    expect(calls).toEqual([]);
  });
});

describe('E2 a way out', { timeout: 60_000 }, () => {
  it.each([
    ['the function constructor', "return agent.constructor('return typeof process')()", 'undefined'],
    ['this', 'return typeof this.process + typeof globalThis.process', 'undefinedundefined'],
    ['constructors of arguments', "return shards.constructor.constructor('return typeof process')()", 'undefined'],
    ['import in eval', 'return String(await eval(\'import("node:fs")\').catch((error) => error))', 'could not load module'],
    [
      'import of the prelude',
      'return String(await Function(\'return import("primitives.js")\')().catch((error) => error))',
      'could not load module',
    ],
    ['call sites', 'try { Error.prepareStackTrace = (_, frames) => frames } catch (error) { return error.name }', 'TypeError'],
    ['the caller', 'const f = function () { return f.caller }; return String(f())', 'invalid property access'],
    [
      'globals of the host',
      'return Object.getOwnPropertyNames(globalThis).filter((name) => /host|post|door|wasi/iu.test(name)).join()',
      '',
    ],
  ])('%s leads nowhere', async (_name, code, shown) => {
    const { end: stopped } = await sandboxed(META + code);
    expect(stopped.kind === 'returned' ? stopped.value : stopped.message).toEqual(expect.stringContaining(shown));
    expect(JSON.stringify(stopped)).not.toMatch(/\/(?:work|node_modules|src)\//u);
  });

  it('polluted built-ins fool only the script itself', async () => {
    const body = `
      Object.prototype.toJSON = () => ({forged: true}); Array.prototype.toJSON = () => ['forged'];
      JSON.stringify = () => 'forged'; JSON.parse = () => ({id: 99});
      Promise.prototype.then = () => { throw new Error('then') }; Promise = null; Map = null;
      RegExp.prototype.exec = () => null; String.prototype.slice = () => 'forged';
      return await agent('honest');`;
    const { end: stopped, calls } = await sandboxed(META + body);
    expect(calls.map(({ kind, id, site }) => [kind, id, site])).toEqual([['agent', 1, '7:20']]);
    expect(['returned', 'failed']).toContain(stopped.kind);
  });

  it.each([
    ['closed', 'Object.freeze(Error.prototype);'],
    ['set by the script', "Object.defineProperty(Error.prototype, 'message', { set() { throw new Error('mine') }, get: () => 'mine' });"],
  ])('the error of a call has its words where its prototype is %s', async (_name, before) => {
    const answer = (): CallOutcome => ({ kind: 'throw', message: 'no answer' });
    const { end: caught } = await run(`${before} try { await agent('a'); } catch (error) { return [error.message, { ...error }]; }`, {
      answer,
    });
    expect(caught).toMatchObject({ kind: 'returned', value: ['no answer', { message: 'no answer' }] });
  });

  it('an error that fakes another reason is an error of the script', async () => {
    expect(await end("const e = new Error('interrupted'); e.name = 'InternalError'; throw e")).toMatchObject({ fault: 'threw' });
  });
});

it('after hostile scripts the next run is as good as the first', async () => {
  await end('for (;;) { }');
  await end("return 'x'.repeat(1e9)");
  const { end: good } = await sandboxed(`${META}return await agent('fine')`);
  expect(good).toEqual({ kind: 'returned', value: 'fine' });
});

it('the bounds of production are those that were measured and promised', () => {
  const MIB = 1024 * 1024;
  expect(SCRIPT_LIMITS).toEqual({
    sourceBytes: 512 * 1024,
    guestBytes: 64 * MIB,
    stackBytes: 256 * 1024,
    sliceMs: 1000,
    cpuMs: 5000,
    heartbeatMs: 250,
    silenceMs: 1500,
    messageChars: 4 * MIB,
    sliceChars: 32 * MIB,
    logs: 10_000,
    calls: 20_000,
    items: 4096,
  });
});
