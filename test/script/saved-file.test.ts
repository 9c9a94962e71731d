import { describe, expect, test } from 'vitest';
import { DEFAULT_SCRIPT } from '../../src/script/default-script.ts';
import { calledScripts, readSavedFile, savedFile } from '../../src/script/saved-file.ts';

const META = "export const meta = { name: 'x', description: 'Does x' };\n";

describe('a saved script with its draft', () => {
  test('comes back as it was saved, whatever is in the draft', () => {
    const draft = { scope: ['src/**/*.js', '/* converge-draft */'], guide: 'ends a comment: */ and *\\/ and `x`', n: [1, null] };
    const file = savedFile({ script: DEFAULT_SCRIPT, draft, name: 'x' });
    const read = readSavedFile(file, 'x');
    expect(read.draft).toEqual(draft);
    expect(read.script).toBe(`${DEFAULT_SCRIPT.trimEnd()}\n`);
    expect(read.meta.name).toBe('migrate-shards');
    expect(savedFile({ script: read.script, draft: read.draft, name: 'x' })).toBe(file);
  });

  test('a text in the script that looks like one is none', () => {
    const source = `${META}const words = '/* converge-draft: no\\n{} */';\nreturn words;\n`;
    expect(readSavedFile(source, 'x')).toMatchObject({ draft: null, script: source });
  });

  test('lines keep their numbers where code follows the draft', () => {
    const source = `${META}/* converge-draft\n{"a":\n1}\n*/\nreturn 7;\n`;
    const { draft, script } = readSavedFile(source, 'x');
    expect(draft).toEqual({ a: 1 });
    expect(script.split('\n').indexOf('return 7;')).toBe(source.split('\n').indexOf('return 7;'));
  });

  test('what is wrong is told with its line and column', () => {
    expect(() => readSavedFile(`${META}return (;\n`, 'x')).toThrow(/^x\.js:2:9: Unexpected token/u);
    expect(() => readSavedFile('return 1;\n', 'x')).toThrow(/^x\.js:1:1: the script begins with something else than its meta/u);
    expect(() => readSavedFile(`${META}return 1;\n/* converge-draft\n{oops}\n*/\n`, 'x')).toThrow(
      /^x\.js:3:1: the draft in this comment is no JSON document .* delete the comment/u,
    );
  });
});

test('the saved scripts that a script calls by a literal', () => {
  expect(
    calledScripts(
      `${META}await workflow('b'); await workflow(\`a\`, { x: 1 }); await workflow('b'); await workflow(name); log("workflow('no')");`,
    ),
  ).toEqual(['a', 'b']);
});
