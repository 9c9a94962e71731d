import { expectedFirst, standardTolerance } from '../library.ts';
import type { Library, Meaning, Operation } from '../library.ts';
import { usesOf } from './calls.ts';
import type { Call, Range, Uses } from './calls.ts';
import { importsOf, resolveImport, specifierFor } from './imports.ts';
import type { Import } from './imports.ts';
import { lineAt, significant } from './tokens.ts';

export interface Migrated {
  readonly text: string;
  /** What could not be carried over, each with its line; the file still imports the library then. */
  readonly unsolved: readonly string[];
}

export interface MigrateOptions {
  readonly path: string;
  readonly library: Library;
  /** Path of the module that exports `near`; null when there is none yet. */
  readonly nearHelper: string | null;
  /** The slip of a first try: a tolerance that is tighter than the usual one is not carried over. */
  readonly loseTightTolerances: boolean;
}

const NODE_TEST: Partial<Readonly<Record<Meaning, string>>> = {
  group: 'describe',
  case: 'it',
  before: 'before',
  after: 'after',
  beforeEach: 'beforeEach',
  afterEach: 'afterEach',
};
const ASSERT: Partial<Readonly<Record<Meaning, string>>> = {
  equal: 'equal',
  deep: 'deepEqual',
  different: 'notEqual',
  ok: 'ok',
  match: 'match',
};

/** The import of the library in a file; null when it does not import it. */
export function libraryImport(source: string, options: { readonly path: string; readonly library: Library }): Import | null {
  return importsOf(source).find((one) => resolveImport(options.path, one.specifier) === options.library.path) ?? null;
}

/** Rewrites a test file from the library to `node:test` and `node:assert/strict`. Null when it does not import the library. */
export function migrateSource(source: string, options: MigrateOptions): Migrated | null {
  const declaration = libraryImport(source, options);
  if (declaration === null) return null;
  const obstacle = obstacleIn(source, declaration);
  if (obstacle !== null) return { text: source, unsolved: [obstacle] };
  const names = new Map(declaration.named.map(({ local, imported }) => [local, imported]));
  const uses = usesOf(source, new Set(names.keys()), importsOf(source));
  const job = new Rewrite({ source, options, names, uses });
  const body = job.render({ start: declaration.end, end: source.length });
  return { text: source.slice(0, declaration.start) + job.imports(declaration) + body, unsolved: job.unsolved };
}

function obstacleIn(source: string, declaration: Import): string | null {
  if (declaration.others.length > 0) return `line ${lineAt(source, declaration.start)}: the library is imported as a whole`;
  const locals = new Set(declaration.named.map(({ local }) => local));
  const [shadow] = usesOf(source, locals, importsOf(source)).declared;
  if (shadow !== undefined) return `line ${lineAt(source, shadow.start)}: \`${shadow.name}\` is declared again`;
  const taken = new Set(['assert', 'describe', 'it', 'near']).difference(locals);
  const clash = significant(source).findIndex(
    (token, at, all) => taken.has(token.text) && ['const', 'let', 'var', 'function', 'import'].includes(all[at - 1]?.text ?? ''),
  );
  return clash < 0 ? null : `\`${significant(source)[clash]?.text}\` already means something else in this file`;
}

class Rewrite {
  readonly unsolved: string[] = [];
  readonly #source: string;
  readonly #options: MigrateOptions;
  readonly #names: ReadonlyMap<string, string>;
  readonly #uses: Uses;
  readonly #keepStructure: boolean;
  readonly #fromTest = new Set<string>();
  readonly #kept = new Set<string>();
  #usesAssert = false;
  #usesNear = false;

  constructor(job: {
    readonly source: string;
    readonly options: MigrateOptions;
    readonly names: ReadonlyMap<string, string>;
    readonly uses: Uses;
  }) {
    this.#source = job.source;
    this.#options = job.options;
    this.#names = job.names;
    this.#uses = job.uses;
    for (const mention of job.uses.mentions) this.#leave(mention, `\`${mention.name}\` is passed around as a value`);
    const structure = (call: Call): boolean => this.#imported(call) !== job.options.library.checks;
    // Groups and cases of two libraries cannot be nested in each other: one that has no counterpart keeps them all.
    this.#keepStructure = job.uses.mentions.length > 0 || job.uses.calls.some((call) => structure(call) && this.#function(call) === null);
  }

  /** The source of a range with all calls in it rewritten. */
  render(range: Range): string {
    let at = range.start;
    let text = '';
    for (const call of this.#uses.calls) {
      if (call.start < at || call.end > range.end) continue;
      text += this.#source.slice(at, call.start) + this.#call(call);
      at = call.end;
    }
    return text + this.#source.slice(at, range.end);
  }

  imports(declaration: Import): string {
    const { path, nearHelper } = this.#options;
    const lines: string[] = [];
    if (this.#usesAssert) lines.push(`import assert from 'node:assert/strict';`);
    if (this.#fromTest.size > 0) lines.push(`import { ${[...this.#fromTest].sort().join(', ')} } from 'node:test';`);
    if (this.#usesNear && nearHelper !== null) lines.push(`import { near } from '${specifierFor(path, nearHelper)}';`);
    const kept = declaration.named
      .filter(({ local }) => this.#kept.has(local))
      .map(({ imported, local }) => (imported === local ? local : `${imported} as ${local}`));
    if (kept.length > 0) lines.push(`import { ${kept.join(', ')} } from '${declaration.specifier}';`);
    return lines.join('\n');
  }

  #call(call: Call): string {
    const imported = this.#imported(call);
    if (imported === this.#options.library.checks) return this.#assertion(call);
    const operation = this.#function(call);
    const name = operation === null ? undefined : NODE_TEST[operation.meaning];
    if (name === undefined || this.#keepStructure) {
      if (operation === null)
        this.#leave(call, `\`${call.name}${call.member === null ? '' : `.${call.member}`}\` has no counterpart in node:test`);
      this.#kept.add(call.name);
      return this.#source.slice(call.start, call.calleeEnd) + this.render({ start: call.calleeEnd, end: call.end });
    }
    this.#fromTest.add(name);
    return name + this.render({ start: call.calleeEnd, end: call.end });
  }

  #assertion(call: Call): string {
    const operation = this.#options.library.assertions.find((one) => one.name === call.member) ?? null;
    const texts = call.arguments.map((range) => this.render(range));
    const unchanged = (why: string): string => {
      this.#leave(call, why);
      this.#kept.add(call.name);
      return this.#source.slice(call.start, call.calleeEnd) + this.render({ start: call.calleeEnd, end: call.end });
    };
    if (operation === null) return unchanged(`\`${call.name}.${call.member}\` has no counterpart in node:assert`);
    if (operation.meaning === 'throws') {
      const matcher = this.#matcher(call);
      if (matcher === null)
        return unchanged('what the error must match is computed, so it cannot be told whether it is a class, a message or a pattern');
      this.#usesAssert = true;
      const body = call.arguments[0];
      const rejects = call.after === 'await' || (body !== undefined && /^async\b/.test(this.#source.slice(body.start, body.end)));
      return this.#withArguments(call, { callee: `assert.${rejects ? 'rejects' : 'throws'}`, texts: [texts[0] ?? '', ...matcher] });
    }
    const ordered = expectedFirst(operation) && texts.length > 1 ? [texts[1] ?? '', texts[0] ?? '', ...texts.slice(2)] : texts;
    if (operation.meaning === 'near') {
      if (this.#options.nearHelper === null) return unchanged('there is no module with `near` yet');
      this.#usesNear = true;
      return this.#withArguments(call, { callee: 'near', texts: this.#tolerance(ordered) });
    }
    const name = ASSERT[operation.meaning];
    if (name === undefined) return unchanged(`\`${call.member}\` is no assertion`);
    this.#usesAssert = true;
    return this.#withArguments(call, { callee: `assert.${name}`, texts: ordered });
  }

  /** Keeps the white space and comments between the arguments where they were. */
  #withArguments(call: Call, { callee, texts }: { readonly callee: string; readonly texts: readonly string[] }): string {
    const places = call.arguments;
    const first = places[0];
    if (first === undefined) return `${callee}()`;
    let text = callee + this.#source.slice(call.calleeEnd, first.start);
    let end = first.start;
    for (const [at, one] of texts.entries()) {
      const place = places[at];
      text += at === 0 ? one : `${place === undefined ? ', ' : this.#source.slice(end, place.start)}${one}`;
      end = place?.end ?? end;
    }
    return text + this.#source.slice(places.at(-1)?.end ?? end, call.end);
  }

  #matcher(call: Call): readonly string[] | null {
    const range = call.arguments[1];
    if (range === undefined) return [];
    const tokens = significant(this.#source.slice(range.start, range.end));
    const [token] = tokens;
    if (tokens.length !== 1 || token === undefined) return null;
    if (token.kind === 'word') return /^[A-Z]/.test(token.text) ? [token.text] : null;
    return ['regex', 'string', 'template'].includes(token.kind) ? [`{ message: ${token.text} }`] : null;
  }

  #tolerance(texts: readonly string[]): readonly string[] {
    const [actual = '', expected = '', tolerance, ...rest] = texts;
    const tight = tolerance !== undefined && Number(tolerance) < Number(standardTolerance(this.#options.library));
    if (!tight || !this.#options.loseTightTolerances) return texts;
    return rest.length === 0 ? [actual, expected] : [actual, expected, 'undefined', ...rest];
  }

  #imported(call: Call): string | undefined {
    return this.#names.get(call.name);
  }

  #function(call: Call): Operation | null {
    if (call.member !== null) return null;
    return this.#options.library.functions.find((one) => one.name === this.#imported(call)) ?? null;
  }

  #leave(place: Range & { readonly name: string }, why: string): void {
    this.#kept.add(place.name);
    this.unsolved.push(`line ${lineAt(this.#source, place.start)}: ${why}`);
  }
}
