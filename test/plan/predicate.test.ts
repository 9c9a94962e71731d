import { describe, expect, test } from 'vitest';
import type { Predicate } from '../../src/domain/plan.ts';
import { openPredicate } from '../../src/plan/predicate.ts';
import { openBoundedRegex } from '../../src/plan/regex.ts';
import type { CommandResult } from '../../src/sandbox/commands.ts';
import { ground } from './support.ts';

const NO_COMMANDS = { commands: { on: () => Promise.reject(new Error('no command is expected')) } };

async function ask(predicate: Predicate, path: string, content: string | Buffer): Promise<boolean> {
  const open = await openPredicate(predicate, NO_COMMANDS);
  try {
    return await open.holds(path, Buffer.from(content), 'tree');
  } finally {
    await open.close();
  }
}

describe('regular expressions', () => {
  const bdd: Predicate = { kind: 'regex', pattern: "^import .* from '.*bdd\\.js';$", flags: '' };

  test('^ and $ match at lines of the whole text', async () => {
    expect(await ask(bdd, 'a.js', "'use strict';\nimport { x } from '../bdd.js';\nx();\n")).toBe(true);
    expect(await ask(bdd, 'a.js', "// import { x } from '../bdd.js';\n")).toBe(false);
  });

  test('binary files have nothing to migrate', async () => {
    expect(await ask({ kind: 'regex', pattern: 'a', flags: '' }, 'a.png', Buffer.from([97, 0, 97]))).toBe(false);
  });

  test('one that does not compile, or keeps state, is told', async () => {
    await expect(openPredicate({ kind: 'regex', pattern: '(', flags: '' }, NO_COMMANDS)).rejects.toThrow(
      /\/\(\/m, which does not compile/u,
    );
    await expect(openPredicate({ kind: 'regex', pattern: 'a', flags: 'g' }, NO_COMMANDS)).rejects.toThrow(
      'Found the flags "gm", expected some of i, m, s, u, v.',
    );
  });

  test('one that does not end is stopped, told, and the next question is answered', async () => {
    const regex = openBoundedRegex(200);
    const text = `${'a'.repeat(60)}!`;
    await expect(regex.ask({ pattern: '^(a+)+$', flags: '', text, replacement: null }, 'a.js')).rejects.toThrow(
      'did not end on a.js within 0.2 s',
    );
    const patient = openBoundedRegex();
    expect(await patient.ask({ pattern: '^a+', flags: '', text, replacement: '$&b' }, 'a.js')).toEqual({
      matches: true,
      replaced: `${'a'.repeat(60)}b!`,
    });
    await Promise.all([regex.close(), patient.close()]);
  });

  test('what counts is what the thread computed, not the clock: a busy machine makes no expression endless', async () => {
    const idle = openBoundedRegex(1, async () => 0);
    const slow = { pattern: '^(a+)+$', flags: '', text: `${'a'.repeat(24)}!`, replacement: null };
    expect(await idle.ask(slow, 'a.js')).toEqual({ matches: false, replaced: null });
    const counted = openBoundedRegex(1);
    await expect(counted.ask(slow, 'a.js')).rejects.toThrow('did not end on a.js within 0.001 s');
    await Promise.all([idle.close(), counted.close()]);
  });
});

describe('ast-grep', () => {
  const required: Predicate = { kind: 'ast-grep', language: 'JavaScript', rule: { pattern: 'require($PATH)' } };

  test('asks the syntax, not the text', async () => {
    expect(await ask(required, 'a.cjs', "const x = require('x');")).toBe(true);
    expect(await ask(required, 'a.jsx', "const x = <p>{require('x')}</p>;")).toBe(true);
    expect(await ask(required, 'a.cjs', "// require('x')\nconst text = \"require('x')\";")).toBe(false);
  });

  test('files of another language never match', async () => {
    expect(await ask(required, 'a.md', "require('x')")).toBe(false);
    expect(await ask(required, 'require', "require('x')")).toBe(false);
  });

  test("TypeScript's rules read JSX and JavaScript too", async () => {
    const anyType: Predicate = { kind: 'ast-grep', language: 'ts', rule: { kind: 'predefined_type', regex: '^any$' } };
    expect(await ask(anyType, 'a.ts', 'let x: any;')).toBe(true);
    expect(await ask(anyType, 'a.tsx', 'let x: any = <p/>;')).toBe(true);
    expect(await ask(anyType, 'a.js', 'let any = 1;')).toBe(false);
  });

  test('an unknown language and a refused rule are told', async () => {
    await expect(openPredicate({ ...required, language: 'cobol' }, NO_COMMANDS)).rejects.toThrow(
      'Found an ast-grep predicate for the language "cobol", expected one of javascript, typescript, tsx, html, css.',
    );
    await expect(openPredicate({ ...required, rule: { kind: 'no_such_kind' } }, NO_COMMANDS)).rejects.toThrow(
      /Found an ast-grep rule that JavaScript refuses/u,
    );
    await expect(openPredicate({ ...required, rule: { rule: { pattern: 'a' } } }, NO_COMMANDS)).rejects.toThrow(
      /Expected the object below `rule:`/u,
    );
  });
});

describe('commands', () => {
  test('exit 0 is still to migrate, 1 is done; the path is $1 and never pasted', async () => {
    const here = await ground({ 'a b;$(touch x).js': 'old', 'c.js': 'new' });
    const open = await openPredicate({ kind: 'command', run: 'grep -q old "$1"' }, here);
    expect(await open.holds('a b;$(touch x).js', Buffer.from('old'), here.base.tree)).toBe(true);
    expect(await open.holds('c.js', Buffer.from('new'), here.base.tree)).toBe(false);
  });

  test('another exit code is an error with the output', async () => {
    const here = await ground({ 'a.js': 'old' });
    const open = await openPredicate({ kind: 'command', run: 'echo oh no; exit 7' }, here);
    await expect(open.holds('a.js', Buffer.from('old'), here.base.tree)).rejects.toThrow(
      /gave exit code 7 for a\.js, expected 0 \(still to migrate\) or 1 \(done\)[\s\S]*oh no/u,
    );
  });

  test('a command that was stopped has given no answer, whatever its code', async () => {
    const stopped: CommandResult = { ok: false, exitCode: 1, output: '', ended: 'timeout' };
    const open = await openPredicate({ kind: 'command', run: 'x' }, { commands: { on: () => Promise.resolve(stopped) } });
    await expect(open.holds('a.js', Buffer.from(''), 'tree')).rejects.toThrow('gave no exit code (timeout) for a.js');
  });
});
