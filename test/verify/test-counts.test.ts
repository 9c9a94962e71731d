import { describe, expect, test } from 'vitest';
import { countTests, looksLikeTest } from '../../src/verify/test-counts.ts';

const HOME_MADE = `
suite('money', () => {
  let shared;
  before(() => { shared = 1; });
  spec('adds', () => {
    check.equal(add(1, 2), 3);
    check.near(add(0.1, 0.2), 0.3, 1e-9);
  });
  spec('throws', async () => {
    await check.throws(() => add());
  });
});
`;

const NODE = `
describe('money', () => {
  let shared;
  before(() => { shared = 1; });
  it('adds', () => {
    assert.equal(add(1, 2), 3);
    assert.ok(Math.abs(add(0.1, 0.2) - 0.3) <= 1e-9);
  });
  it('throws', async () => {
    await assert.rejects(() => add());
  });
});
`;

describe('a home-made library and node:test count alike', () => {
  test.each([
    ['home-made', HOME_MADE],
    ['node', NODE],
  ])('%s', (_name, text) => {
    expect(countTests('test/money.js', text)).toEqual({ cases: 2, assertions: 3 });
  });
});

test.each([
  ['groups are no cases', "describe('a', () => { describe('b', () => { it('c', () => {}); }); });", 1],
  ['unknown groups are no cases', "block('a', () => { unit('b', () => {}); unit('c', () => {}); });", 2],
  ['a skipped one does not count', "it.skip('a', () => {}); xit('b', () => {}); it('c', () => {});", 1],
  ['a modifier does not hide one', "it.only('a', () => {}); test.each([1, 2])('b', () => {}); test.concurrent('c', async () => {});", 3],
  ['subtests count', "test('a', async (t) => { await t.test('b', () => {}); });", 2],
  ['callbacks inside of a case do not', "it('a', () => { on('event', () => {}); setTimeout(() => {}, 1); });", 1],
  ['comments do not', "// it('a', () => {});\n/* it('b', () => {}); */", 0],
  ['a title without a function is none', "it('later');", 0],
  ['hooks are none', "beforeEach('set up', () => {}); after(() => {});", 0],
])('cases: %s', (_name, text, cases) => {
  expect(countTests('x.test.js', text).cases).toBe(cases);
});

test.each([
  ['a chain is one', 'expect(a).not.toBe(b); await expect(c).rejects.toThrow();', 2],
  ['any words', 'assert(a); assert.deepStrictEqual(a, b); t.is(a, b); a.should.equal(b); ok(a); expectTypeOf(a).toBeString();', 6],
  ['inside of another', 'assert.throws(() => { assert.ok(f()); });', 2],
  ['ordinary calls are none', "list.includes(a); map.get('is'); t.plan(2); console.log(a); text.match(/x/);", 0],
])('assertions: %s', (_name, text, assertions) => {
  expect(countTests('x.test.js', text).assertions).toBe(assertions);
});

test.each([
  ['x_test.py', 'async def test_a():\n    assert a == b\ndef helper(): pass\ndef test_b():\n    assert (c)\n', { cases: 2, assertions: 2 }],
  ['x_test.go', 'func TestA(t *testing.T) {\n\tt.Errorf("x")\n}\n', { cases: 1, assertions: 1 }],
])('other languages by line: %s', (path, text, counts) => {
  expect(countTests(path, text)).toEqual(counts);
});

test('test files are known by their calls, in other languages by their names; helpers among them are none', () => {
  for (const path of ['pkg/test_a.py', 'src/ATest.java', 'pkg/a_test.go']) expect(looksLikeTest(path, ''), path).toBe(true);
  expect(looksLikeTest('src/odd.js', "it('works', () => {});")).toBe(true);
  expect(looksLikeTest('test/plain.js', 'assert.equal(a, 1);')).toBe(true);
  expect(looksLikeTest('test/home-made.js', "verifyThat('a', () => {});")).toBe(true);
  expect(looksLikeTest('test/support/server.js', 'export function serve() {}')).toBe(false);
  expect(looksLikeTest('src/routes.js', "route('/x', () => {}); app.get('/y', () => {});")).toBe(false);
  expect(looksLikeTest('src/latest.js', 'export const a = 1;')).toBe(false);
});
