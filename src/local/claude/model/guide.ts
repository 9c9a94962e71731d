import type { GuideRule } from '../../../domain/plan.ts';
import { expectedFirst, standardTolerance } from './library.ts';
import type { Library, Meaning, Operation } from './library.ts';

/** The rules of a migration to node:test, in the words of the library that is left. */
export function guideFor({ library, nearHelper }: { readonly library: Library; readonly nearHelper: string | null }): readonly GuideRule[] {
  const named = (meaning: Meaning): Operation | undefined =>
    [...library.functions, ...library.assertions].find((one) => one.meaning === meaning);
  const rules = [
    imports(library),
    structure(library),
    equality(library, named),
    order(library, named('deep')),
    near({ library, nearHelper }),
    errors(library, named('throws')),
    kept(),
  ];
  return rules.filter((rule) => rule !== null).map(({ title, text }, at) => ({ id: `G${at + 1}`, title, text }));
}

type Rule = Omit<GuideRule, 'id'> | null;

function imports(library: Library): Rule {
  return {
    title: `Import from node:test and node:assert/strict, and only what is used`,
    text: [
      `The import of \`${library.path}\` goes. In its place stand, as far as the file needs them:`,
      code(`import assert from 'node:assert/strict';`, `import { before, describe, it } from 'node:test';`),
      'Other imports stay as they are.',
    ].join('\n\n'),
  };
}

function structure({ functions }: Library): Rule {
  const names: Partial<Record<Meaning, string>> = {
    group: 'describe',
    case: 'it',
    before: 'before',
    after: 'after',
    beforeEach: 'beforeEach',
    afterEach: 'afterEach',
  };
  const rows = functions.flatMap((one) =>
    names[one.meaning] === undefined ? [] : [`- \`${one.name}\` becomes \`${names[one.meaning]}\``],
  );
  return {
    title: 'Groups, tests and hooks change their names, not their order',
    text: [
      ...rows,
      '',
      'Bodies, titles and nesting stay. Hooks stay in the group in which they are: state that they set up is shared in the same way.',
    ].join('\n'),
  };
}

function equality({ checks }: Library, named: (meaning: Meaning) => Operation | undefined): Rule {
  const pairs: readonly (readonly [Meaning, string])[] = [
    ['equal', 'equal'],
    ['different', 'notEqual'],
    ['ok', 'ok'],
    ['match', 'match'],
  ];
  const rows = pairs.flatMap(([meaning, assert]) => {
    const operation = named(meaning);
    return operation === undefined
      ? []
      : [`- \`${checks}.${operation.name}(${signature(operation)})\` becomes \`assert.${assert}\` with the arguments in the same order`];
  });
  return rows.length === 0
    ? null
    : { title: 'Plain comparisons keep their arguments', text: [...rows, '', 'A message of its own stays the last argument.'].join('\n') };
}

function order({ checks }: Library, deep: Operation | undefined): Rule {
  if (deep === undefined) return null;
  const swapped = expectedFirst(deep);
  return {
    title: swapped
      ? `\`${checks}.${deep.name}\` has the expected value first; assert.deepEqual has it second`
      : `\`${checks}.${deep.name}\` becomes assert.deepEqual`,
    text: [
      swapped
        ? 'The first two arguments change places; a message stays third. The test passes either way, but with the wrong order a failure is told the wrong way round.'
        : 'The arguments stay in their order.',
      code(
        `${checks}.${deep.name}(${swapped ? '[1, 2], list()' : 'list(), [1, 2]'}); // before`,
        `assert.deepEqual(list(), [1, 2]); // after`,
      ),
    ].join('\n\n'),
  };
}

function near({ library, nearHelper }: { readonly library: Library; readonly nearHelper: string | null }): Rule {
  if (nearHelper === null) return null;
  return {
    title: 'A tolerance is carried over exactly',
    text: [
      `\`node:assert\` compares no numbers within a tolerance. \`${library.checks}.near(actual, expected, tolerance, message)\` becomes \`near\` with the same arguments, imported from \`${nearHelper}\`. Its default tolerance is the same (${standardTolerance(library) ?? 'none'}), so a call without one stays without one, and a call with one keeps it to the digit: a test with a looser tolerance still passes, and proves less.`,
      code(`${library.checks}.near(slope, 2, 1e-12); // before`, `near(slope, 2, 1e-12); // after`),
    ].join('\n\n'),
  };
}

function errors({ checks }: Library, throws: Operation | undefined): Rule {
  if (throws === undefined) return null;
  const name = `${checks}.${throws.name}`;
  return {
    title: 'An expected error is demanded as exactly as before',
    text: [
      `- \`${name}\` becomes \`assert.throws\`; where it is awaited, \`await assert.rejects\`, with its \`await\``,
      '- a class stays a class',
      '- a string was the whole message of the error, but is only a comment for `assert.throws`: it becomes `{ message: … }`',
      '- a pattern was held against the message, but `assert.throws` holds it against `Error: message`: it becomes `{ message: … }` as well',
      '',
      code(
        `${name}(() => read(''), 'nothing to read'); // before`,
        `assert.throws(() => read(''), { message: 'nothing to read' }); // after`,
        `await ${name}(() => fetchIt(), /^refused/); // before`,
        `await assert.rejects(() => fetchIt(), { message: /^refused/ }); // after`,
      ),
    ].join('\n'),
  };
}

function kept(): Rule {
  return {
    title: 'Keep every test, every assertion, every comment',
    text: 'No test is dropped, skipped, merged or renamed, whatever its title says about itself. No value, input or message changes. What has no counterpart in these rules is not invented: it stays as it is.',
  };
}

function signature(operation: Operation): string {
  return operation.parameters.map((parameter) => parameter.name).join(', ');
}

function code(...lines: readonly string[]): string {
  return ['```js', ...lines, '```'].join('\n');
}
