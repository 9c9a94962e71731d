import type { Library } from './library.ts';
import { usesOf } from './source/calls.ts';
import type { Call } from './source/calls.ts';
import { importsOf } from './source/imports.ts';
import { libraryImport, migrateSource } from './source/migrate.ts';
import { lineAt } from './source/tokens.ts';

/** A finding before it has the id of a rule. */
export interface Objection {
  readonly topic: 'near' | 'order' | 'throws' | 'kept';
  readonly path: string;
  readonly line: number | null;
  readonly side: 'LEFT' | 'RIGHT';
  readonly claim: string;
  readonly evidence: { readonly kind: 'lines'; readonly before: string; readonly after: string };
}

interface Comparison {
  readonly path: string;
  readonly before: string;
  readonly after: string;
  readonly library: Library;
  readonly nearHelper: string | null;
}

/** Each assertion and test of the file before against its counterpart after; what does not prove the same is objected to. */
export function compareMigration(comparison: Comparison): readonly Objection[] {
  const { path, before, after, library, nearHelper } = comparison;
  const ideal = migrateSource(before, { path, library, nearHelper: nearHelper ?? 'near.js', loseTightTolerances: false });
  if (ideal === null) return [];
  const old = oldUses(comparison);
  return [
    ...compareCalls(comparison, { old: old.assertions, wanted: placed(ideal.text, isAssertion), found: placed(after, isAssertion) }),
    ...compareTitles(comparison, { old: old.cases, found: placed(after, isCase), left: placed(after, (call) => old.names.has(call.name)) }),
  ];
}

interface Placed {
  readonly call: Call;
  readonly source: string;
}

const NEW_NAMES = new Set(['assert', 'near', 'describe', 'it', 'test', 'suite']);

function placed(source: string, wanted: (call: Call) => boolean): readonly Placed[] {
  const names = new Set([...NEW_NAMES, ...importsOf(source).flatMap((one) => one.named.map(({ local }) => local))]);
  return usesOf(source, names, importsOf(source))
    .calls.filter(wanted)
    .map((call) => ({ call, source }));
}

const isAssertion = (call: Call): boolean => call.name === 'assert' || call.name === 'near';
const isCase = (call: Call): boolean => ['describe', 'it', 'test', 'suite', 'spec'].includes(call.name);

function oldUses({ path, before, library }: Comparison): {
  readonly assertions: readonly Placed[];
  readonly cases: readonly Placed[];
  readonly names: ReadonlySet<string>;
} {
  const declaration = libraryImport(before, { path, library });
  const locals = new Map((declaration?.named ?? []).map(({ local, imported }) => [local, imported]));
  const all = usesOf(before, new Set(locals.keys()), importsOf(before)).calls.map((call) => ({ call, source: before }));
  const titled = new Set(library.functions.filter((one) => one.meaning === 'group' || one.meaning === 'case').map((one) => one.name));
  return {
    assertions: all.filter(({ call }) => locals.get(call.name) === library.checks),
    cases: all.filter(({ call }) => titled.has(locals.get(call.name) ?? '')),
    names: new Set(locals.keys()),
  };
}

interface Rows {
  readonly old: readonly Placed[];
  readonly wanted: readonly Placed[];
  readonly found: readonly Placed[];
}

function compareCalls(comparison: Comparison, { old, wanted, found }: Rows): readonly Objection[] {
  if (wanted.length !== old.length) return []; // part of the file could not be carried over at all: the gates say so
  if (found.length === wanted.length) {
    return wanted.flatMap((want, at) => {
      const [was, is] = [old[at], found[at]];
      return was === undefined || is === undefined ? [] : objection(comparison, { was, want, is });
    });
  }
  const there = new Set(found.map(({ call, source }) => plain(source.slice(call.start, call.end))));
  return wanted.flatMap((want, at) => {
    const was = old[at];
    if (was === undefined || there.has(plain(textOf(want)))) return [];
    return [lost(comparison, { was, claim: 'This assertion has no counterpart any more: the test proves less than before.' })];
  });
}

function compareTitles(
  comparison: Comparison,
  { old, found, left }: { readonly old: readonly Placed[]; readonly found: readonly Placed[]; readonly left: readonly Placed[] },
): readonly Objection[] {
  const titles = new Set([...found, ...left].map((one) => plain(argument(one, 0))));
  return old
    .filter((was) => !titles.has(plain(argument(was, 0))))
    .map((was) =>
      lost(comparison, {
        was,
        claim: `The test ${argument(was, 0)} is gone. Every test is carried over under its own title, whatever its title says.`,
      }),
    );
}

interface Row {
  readonly was: Placed;
  readonly want: Placed;
  readonly is: Placed;
}

function objection(comparison: Comparison, { was, want, is }: Row): readonly Objection[] {
  const same = plain(textOf(want)) === plain(textOf(is));
  const notAwaited = want.call.after === 'await' && is.call.after !== 'await' && is.call.after !== 'return';
  if (same && !notAwaited) return [];
  const place = {
    path: comparison.path,
    line: lineAt(is.source, is.call.start),
    side: 'RIGHT' as const,
    evidence: { kind: 'lines' as const, before: linesOf(was), after: linesOf(is) },
  };
  if (same)
    return [
      {
        ...place,
        topic: 'throws',
        claim: `The promise of \`${callee(is)}\` is not awaited: the test passes before it is settled, whatever it does.`,
      },
    ];
  const [topic, claim] = difference(want, is);
  return [{ ...place, topic, claim }];
}

function difference(want: Placed, is: Placed): readonly [Objection['topic'], string] {
  const right = `Right is \`${textOf(want).replaceAll(/\s+/g, ' ')}\`.`;
  const [first, second, third] = [0, 1, 2].map((at) => plain(argument(want, at)));
  if (callee(want) === 'near' && plain(argument(is, 0)) === first && plain(argument(is, 1)) === second) {
    return [
      'near',
      `The tolerance ${third || '(none)'} was replaced by ${argument(is, 2) || 'the default'}: the test accepts values that it refused before. ${right}`,
    ];
  }
  if (plain(argument(is, 0)) === second && plain(argument(is, 1)) === first) {
    return [
      'order',
      `The arguments are in the wrong order: \`${callee(is)}\` takes what was found first and what is expected second, so a failure would be told the wrong way round. ${right}`,
    ];
  }
  if (/^assert\.(?:throws|rejects)$/.test(callee(want))) return ['throws', `This does not demand the same error as before. ${right}`];
  return ['kept', `This does not assert the same as before. ${right}`];
}

function lost(comparison: Comparison, { was, claim }: { readonly was: Placed; readonly claim: string }): Objection {
  const line = lineAt(was.source, was.call.start);
  const [first = ''] = linesOf(was).split('\n');
  return { topic: 'kept', path: comparison.path, line, side: 'LEFT', claim, evidence: { kind: 'lines', before: first, after: '' } };
}

function callee({ call }: Placed): string {
  return call.member === null ? call.name : `${call.name}.${call.member}`;
}

function argument({ call, source }: Placed, at: number): string {
  const range = call.arguments[at];
  return range === undefined ? '' : source.slice(range.start, range.end);
}

function textOf({ call, source }: Placed): string {
  return source.slice(call.start, call.end);
}

/** The whole lines on which a call stands. */
function linesOf({ call, source }: Placed): string {
  const start = source.lastIndexOf('\n', call.start) + 1;
  const end = source.indexOf('\n', call.end);
  return source.slice(start, end < 0 ? source.length : end).trim();
}

/** Without what only the layout changes. */
function plain(text: string): string {
  return text.replaceAll(/\s+/g, '').replaceAll(/,(?=[)\]}])/g, '');
}
