import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseComment } from '../../src/domain/command.ts';
import { ConvergeError } from '../../src/domain/errors.ts';
import { parseRepositoryConfiguration } from '../../src/domain/repository-configuration.ts';
import { OPERATOR_DEFAULTS } from '../../src/domain/operator-limits.ts';
import { resolveSettings } from '../../src/domain/settings.ts';
import { pathFault } from '../../src/git/paths.ts';
import { matcherOf } from '../../src/git/globs.ts';
import { parseCommentEvent } from '../../src/github/events.ts';
import { PLAN_DRAFT } from '../../src/plan/plan-schema.ts';
import { answerProblems } from '../../src/primitives/answer-schema.ts';
import { readArguments, handle } from '../../src/primitives/arguments.ts';
import { parseScript } from '../../src/script/parse.ts';
import { findQuote } from '../../src/verify/quote.ts';
import { verifierAnswer } from '../../src/verify/verifier-answer.ts';
import { bench, id } from '../primitives/support.ts';

/** The same cases in each run, so that a failure is the change's; another seed finds others. */
const SEED = { seed: 20_261_130 };
const MANY = { ...SEED, numRuns: 300 };

/** Text that is near to what is parsed: its own words and signs, in any order, with anything in between. */
function near(...words: readonly string[]): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.constantFrom(...words),
    fc.constantFrom('\n', ' ', '\t', '\r\n', '\u2028', '\u200b', '\u202e', '"', "'", '`', '\\', '\0', '-', '>', '#'),
    fc.string({ maxLength: 6, unit: 'binary' }),
  );
  return fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
}

/** Values as JSON can hold them, with keys of prototypes among them. */
const hostileJson: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'binary', maxLength: 20 }),
    tie('array'),
    tie('object'),
  ),
  array: fc.array(tie('value'), { maxLength: 4 }),
  object: fc
    .array(
      fc.tuple(
        fc.oneof(
          fc.constantFrom('__proto__', 'constructor', 'toString', 'id', 'name', 'kind', 'type', 'length'),
          fc.string({ maxLength: 6 }),
        ),
        tie('value'),
      ),
      { maxLength: 5 },
    )
    .map((entries) => Object.fromEntries(entries)),
})).value;

/** Whatever is thrown must be one of our own errors, with words. */
function onlyOurs(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    expect(error).toBeInstanceOf(ConvergeError);
    expect(error instanceof Error ? error.message : '').not.toBe('');
  }
}

describe('the command parser', () => {
  const words = [
    '/workflow',
    '/workflow migrate',
    'approve',
    'budget',
    '+$5',
    '--paths',
    '--budget',
    '$1e9',
    '--agents',
    '99999999',
    '--reviewers',
    '0',
    '-1',
    '--pilot=3',
    '--base',
    '../x',
    'run',
    'owner/repo:x',
    '{"a":1}',
    'deadbeef',
    '```',
    '> ',
    '<!--',
    '-->',
    '- ',
  ];
  test('throws at nothing, and what it understands is within its bounds', () => {
    fc.assert(
      fc.property(near(...words), (body) => {
        const parsed = parseComment(body);
        if (parsed.kind !== 'command') return;
        const { command } = parsed;
        if (command.name === 'approve') expect(command.hash).toMatch(/^[0-9a-f]{8,64}$/u);
        if (command.name === 'save') expect(command.script).toMatch(/^[a-z0-9][a-z0-9-]*$/u);
        if (command.name === 'budget') expect(command.more).toBeGreaterThan(0);
        if (command.name !== 'migrate' && command.name !== 'run') return;
        const { budget = 1, agents = 1, concurrency = 1, reviewers = 1, base = 'main' } = command.flags;
        for (const number of [budget, agents, concurrency, reviewers]) expect(Number.isSafeInteger(number) && number > 0).toBe(true);
        expect(base).not.toMatch(/\.\.|^-|[\s~^:?*[\\]/u);
      }),
      MANY,
    );
  });

  test('finds no command in what stands behind a quote, a fence or an indentation', () => {
    fc.assert(
      fc.property(near('a', '/workflow help', '`'), fc.constantFrom('> ', '    ', '- ', '1. '), (text, prefix) => {
        const body = text.replaceAll(/[\r\n]/gu, ' ').replaceAll('`', "'");
        expect(parseComment(`${prefix}${body === '' ? 'x' : body}`).kind).toBe('none');
      }),
      MANY,
    );
  });
});

describe("a repository's configuration", () => {
  const words = [
    'enabled: true',
    'enabled: yes',
    'checks:',
    '  - name: x',
    '    run: y',
    'limits:',
    '  dollars: 1e99',
    '  agents: -5',
    'reviewers: 99',
    'models:',
    '  planner: evil',
    '&a',
    '*a',
    '<<: *a',
    '!!js/function',
    '!!binary',
    '{',
    '[',
    '? ',
    '- ',
    '__proto__:',
    'paths: {include: ["**"]}',
    'approvers: {permission: read}',
    'publish_shards: true',
  ];
  test('is read or refused with words, and its wishes only narrow', () => {
    fc.assert(
      fc.property(near(...words), (text) => {
        const parsed = parseRepositoryConfiguration(`enabled: true\n${text}`);
        expect(['enabled', 'disabled', 'absent', 'invalid']).toContain(parsed.kind);
        if (parsed.kind !== 'enabled') return;
        const settings = resolveSettings({
          configuration: parsed.configuration,
          flags: { paths: [], planOnly: false },
          operator: OPERATOR_DEFAULTS,
          effortOf: (_model, wished) => wished,
          base: 'main',
          planOnlyReason: null,
        });
        expect(settings.limits.budget).toBeLessThanOrEqual(OPERATOR_DEFAULTS.budget);
        expect(settings.limits.agents).toBeLessThanOrEqual(OPERATOR_DEFAULTS.agents);
        expect(settings.limits.reviewers).toBeGreaterThanOrEqual(1);
        expect(settings.protectedPaths).toContain('.github/**');
      }),
      MANY,
    );
  });
});

test('webhook payloads of any shape are a comment of a person or ignored with the reason', () => {
  fc.assert(
    fc.property(
      hostileJson,
      hostileJson,
      fc.constantFrom('action', 'comment', 'issue', 'repository', 'installation', 'sender'),
      (whole, part, key) => {
        const person = { login: 'mona', id: 42, type: 'User' };
        const honest = {
          action: 'created',
          comment: { id: 1, body: 'x', user: person },
          issue: { number: 3 },
          repository: { name: 'farm', owner: { login: 'octo' } },
          installation: { id: 7 },
          sender: person,
        };
        for (const payload of [whole, { ...honest, [key]: part }]) {
          const parsed = parseCommentEvent(payload);
          if (parsed.kind === 'ignored') expect(parsed.reason).not.toBe('');
          else expect(parsed.author).toEqual({ login: 'mona', id: 42 });
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      },
    ),
    MANY,
  );
});

describe('what a model hands in', () => {
  test.each([
    ['a plan draft', PLAN_DRAFT],
    ["a verifier's answer", verifierAnswer],
  ])('%s of any shape is taken whole or refused, and pollutes nothing', (_what, schema) => {
    fc.assert(
      fc.property(hostileJson, (value) => {
        const parsed = schema.safeParse(value);
        if (parsed.success) expect(Object.getPrototypeOf(parsed.data)).toBe(Object.prototype);
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      MANY,
    );
  });

  test('schemas of scripts and answers of models, of any shape, end in words', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.constantFrom(
            'type',
            'properties',
            'required',
            'items',
            'pattern',
            'enum',
            'anyOf',
            '$ref',
            '$defs',
            'additionalProperties',
            'minItems',
            'format',
          ),
          hostileJson,
        ),
        hostileJson,
        (schema, answer) => {
          onlyOurs(() => answerProblems(schema as Parameters<typeof answerProblems>[0])(answer));
        },
      ),
      { ...SEED, numRuns: 150 },
    );
  });

  test('paths that pass stay within the repository, whatever is joined', () => {
    fc.assert(
      fc.property(near('a', '/', '..', '.', '.git', 'GIT~1', '.GIT.', ':', '\\'), (path) => {
        if (pathFault(path) !== null) return;
        const url = new URL(`file:///repository/${path.split('/').map(encodeURIComponent).join('/')}`);
        expect(url.pathname.startsWith('/repository/')).toBe(true);
        expect(path.split('/').some((part) => /^\.git$/iu.test(part) || part === '..' || part === '')).toBe(false);
      }),
      MANY,
    );
  });

  test('globs of any shape are read or refused, and end', () => {
    fc.assert(
      fc.property(near('*', '**', '/', '+(', '*(', '!(', ')', '[a-z]', '{a,b}', '|', 'a', '?'), (glob) => {
        onlyOurs(() => matcherOf(glob)('a'.repeat(40)));
      }),
      { ...SEED, numRuns: 200 },
    );
  });

  test('quotes of any shape are found or not', () => {
    fc.assert(
      fc.property(near('old()', '+', '-', '  ', '12\t'), near('old()', '\n', ' '), (text, quote) => {
        for (const { start, end } of findQuote(text, quote))
          expect(start <= end && start >= 1 && end <= text.split('\n').length).toBe(true);
      }),
      MANY,
    );
  });
});

describe('scripts', () => {
  const words = [
    'export const meta = {name: "x", description: "y"};',
    'await agent("x")',
    'return',
    'import("x")',
    'import.meta',
    'export default',
    '})();',
    '(async () => {',
    '`${',
    '}',
    '/*',
    '*/',
    '//',
    '<!--',
    '#!',
    'for (;;) {',
    '"use strict"',
    '\\u0061',
    'eval',
  ];
  test('of any text parse or are refused with their place', () => {
    fc.assert(
      fc.property(near(...words), (text) => {
        onlyOurs(() => parseScript(`export const meta = {name: "x", description: "y"};\n${text}`));
        onlyOurs(() => parseScript(text));
      }),
      MANY,
    );
  });

  test('arguments of any shape are read or refused with the form of the call', () => {
    fc.assert(
      fc.property(hostileJson, (value) => {
        const args = Array.isArray(value) ? value : [value];
        onlyOurs(() => readArguments({ form: 'accept(change, verdict)', schema: handle, args }));
      }),
      MANY,
    );
  });

  test('calls of every primitive with arguments of any shape settle nothing that was not made', async () => {
    const there = await bench();
    const change = id(await there.call('migrate', { id: 'sa' }));
    const kinds = [
      'accept',
      'review',
      'revise',
      'check',
      'migrate',
      'codemod',
      'approval',
      'agent',
      'files',
      'grep',
      '__proto__',
      'constructor',
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...kinds),
        fc.array(fc.oneof(hostileJson, fc.constant(change)), { maxLength: 3 }),
        async (kind, args) => {
          try {
            await there.primitives.prepare(kind, JSON.parse(JSON.stringify(args)));
          } catch (error) {
            expect(error).toBeInstanceOf(ConvergeError);
          }
        },
      ),
      { ...SEED, numRuns: 300 },
    );
    const accepted = (await there.journal.events('run-1')).filter(({ event }) => event.type === 'shard.accepted');
    expect(accepted).toEqual([]);
  });
});
