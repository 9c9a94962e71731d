import { describe, expect, test } from 'vitest';
import { argsOf, parseSavedName, savedPath, scriptArgs } from '../../src/domain/saved-script.ts';

test('names, here and elsewhere; nothing that leaves the directory', () => {
  expect(parseSavedName('house-style')).toEqual({ name: 'house-style', repository: null });
  expect(parseSavedName('Acme/My.Recipes:x')).toEqual({ name: 'x', repository: { owner: 'Acme', repo: 'My.Recipes' } });
  for (const wrong of ['', 'X', '../x', 'a/b', 'a/b/c:x', 'x.js', 'a/b:../x', 'constructor!']) expect(parseSavedName(wrong)).toBeNull();
  expect(savedPath('x')).toBe('.github/converge/x.js');
});

describe('E6: args given as JSON text behave as what it means', () => {
  test.each([
    ['', null],
    ['  {"dirs": ["src"]} ', { dirs: ['src'] }],
    ['[1, 2]', [1, 2]],
    ['```json\n{"a": 1}\n```', { a: 1 }],
    ['only the old ones', 'only the old ones'],
    ['{not json', '{not json'],
  ])('%j', (typed, value) => expect(argsOf(typed)).toEqual(value));

  test('beside rounds and reviewers, which nobody takes the place of', () => {
    const limits = { rounds: 3, reviewers: 2 };
    expect(scriptArgs(null, limits)).toEqual(limits);
    expect(scriptArgs({ dirs: ['src'], rounds: 1, reviewers: 0 }, limits)).toEqual({ dirs: ['src'], ...limits });
    expect(scriptArgs('old ones', limits)).toEqual({ given: 'old ones', ...limits });
    expect(scriptArgs([1], limits)).toEqual({ given: [1], ...limits });
  });
});
