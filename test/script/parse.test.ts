import { describe, expect, it } from 'vitest';
import { DEFAULT_SCRIPT } from '../../src/script/default-script.ts';
import { parseScript } from '../../src/script/parse.ts';
import { META } from './support.ts';

describe('parseScript', () => {
  it('reads the meta without running anything', () => {
    const { meta } = parseScript(
      "export const meta = {name: 'm', description: `d`, phases: [{title: 'A', detail: 'x'}], n: -1, '__proto__': {}};\nreturn 1",
    );
    expect(meta).toEqual({ name: 'm', description: 'd', phases: [{ title: 'A', detail: 'x' }] });
  });

  it('keeps line numbers and accepts top-level await and return', () => {
    const { body } = parseScript(`${META}\n\nconst a = await agent('x');\nreturn a;`);
    expect(body.code.split('\n').slice(3, 5)).toEqual(['const a = await  $at("4:11",($in("4:17",agent)(\'x\')));', 'return a;']);
  });

  it.each([
    ['', '1:1', 'something else than its meta'],
    ['const a = 1;', '1:1', 'something else than its meta'],
    ['export const meta = {name: x, description: ""}', '1:28', 'a variable'],
    ['export const meta = {name: f(), description: ""}', '1:28', 'a call'],
    ['export const meta = {...x}', '1:22', 'a spread'],
    ['export const meta = {name: `${x}`}', '1:28', 'interpolation'],
    ["export const meta = {name: 'x'}", '1:21', 'description'],
    ["export const meta = {get name() { return 'x' }}", '1:22', 'something computed'],
    [`${META}import fs from 'node:fs'`, '2:1', 'found an import'],
    [`${META}\n  const fs = await import('node:fs')`, '3:20', 'found an import'],
    [`${META}return import.meta.url`, '2:8', 'import.meta'],
    [`${META}export const other = 1`, '2:1', 'another export'],
    [`${META}export default 1`, '2:1', 'another export'],
    [`${META}const x: string = 'typed'`, '2:8', 'Unexpected token; expected plain JavaScript'],
    [`${META}}); evil(); (async () => {`, '2:1', 'Unexpected token'],
    [`${META}<!-- html comment`, '2:1', 'Unexpected token'],
    [`${META}/* never closed`, '2:1', 'Unterminated comment'],
  ])('refuses %j at %s', (source, place, found) => {
    expect(() => parseScript(source)).toThrow(
      expect.objectContaining({ kind: 'script', message: expect.stringContaining(`script.js:${place}: `) }),
    );
    expect(() => parseScript(source)).toThrow(found);
  });

  it('refuses a script of more than 512 KiB with both sizes', () => {
    expect(() => parseScript(`${META}//${'x'.repeat(512 * 1024)}`)).toThrow(/has 5\d{5} bytes; expected at most 524288/u);
  });

  it('refuses a script that is nested too deeply instead of failing itself', () => {
    expect(() => parseScript(`${META}return ${'['.repeat(200_000)}`)).toThrow(/script\.js:2:\d+: Not enough stack space/u);
  });

  it('E2 takes a prompt that only mentions what is forbidden', () => {
    expect(parseScript(`${META}await agent('replace Date.now() and import("x") and Math.random()')`).meta.name).toBe('test');
  });

  it('reads the default script, which people can take in at a glance', () => {
    expect(parseScript(DEFAULT_SCRIPT).meta.phases.map(({ title }) => title)).toEqual(['Migrate', 'Review', 'Revise']);
    expect(DEFAULT_SCRIPT.split('\n').length).toBeLessThanOrEqual(61);
  });
});
