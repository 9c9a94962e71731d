import { grepHits, readText } from './tool-results.ts';
import type { Procedure } from './conversation.ts';
import { splitArguments } from './source/calls.ts';
import { closing, significant } from './source/tokens.ts';
import type { Token } from './source/tokens.ts';

/** What a function of a test library does, by the word that it is called. */
export type Meaning =
  | 'group'
  | 'case'
  | 'before'
  | 'after'
  | 'beforeEach'
  | 'afterEach'
  | 'equal'
  | 'deep'
  | 'different'
  | 'near'
  | 'ok'
  | 'match'
  | 'throws';

export interface Operation {
  readonly name: string;
  readonly meaning: Meaning;
  readonly parameters: readonly Parameter[];
}

export interface Parameter {
  readonly name: string;
  /** Source text of its default; null when there is none. */
  readonly standard: string | null;
}

/** A home-made test library as its source tells it. */
export interface Library {
  readonly path: string;
  /** Exported functions: groups, cases, hooks. */
  readonly functions: readonly Operation[];
  /** The exported object that holds the assertions, by its name; empty when there is none. */
  readonly checks: string;
  readonly assertions: readonly Operation[];
}

const WORDS: Readonly<Record<Meaning, readonly string[]>> = {
  group: ['suite', 'describe', 'group', 'context'],
  case: ['spec', 'it', 'test', 'example'],
  before: ['before', 'beforeAll', 'setup'],
  after: ['after', 'afterAll', 'teardown'],
  beforeEach: ['beforeEach'],
  afterEach: ['afterEach'],
  equal: ['equal', 'equals', 'is', 'identical'],
  deep: ['same', 'deep', 'deepEqual', 'alike'],
  different: ['differs', 'notEqual', 'different'],
  near: ['near', 'close', 'closeTo', 'about'],
  ok: ['ok', 'truthy', 'holds'],
  match: ['matches', 'match'],
  throws: ['throws', 'fails', 'raises'],
};
const OF_FUNCTIONS: readonly Meaning[] = ['group', 'case', 'before', 'after', 'beforeEach', 'afterEach'];
const CHECKS = ['check', 'expect', 'ensure', 'verify'];

function meaningOf(name: string): Meaning | null {
  for (const meaning of MEANINGS) if (WORDS[meaning].includes(name)) return meaning;
  return null;
}

const MEANINGS: readonly Meaning[] = [...OF_FUNCTIONS, 'equal', 'deep', 'different', 'near', 'ok', 'match', 'throws'];

/** Lines that export what a test library exports, for the grep tool. */
const EXPORTS = `^export (async )?(function|const|let|class) (${[...WORDS.group, ...WORDS.case, ...CHECKS].join('|')})[^A-Za-z0-9_]`;

/** Finds modules of the repository that export a group or a case and assertions, and reads them. */
export function* findLibraries(): Procedure<readonly Library[]> {
  const [hits] = yield {
    text: 'First I look for the test library that this repository has of its own.',
    tools: [{ name: 'grep', input: { pattern: EXPORTS } }],
  };
  const paths = [...new Set(grepHits(hits).map((hit) => hit.path))].filter((path) => /\.[cm]?[jt]s$/.test(path)).slice(0, 8);
  if (paths.length === 0) return [];
  const files = yield { tools: paths.map((file_path) => ({ name: 'read', input: { file_path } })) };
  return paths.flatMap((path, at) => {
    const text = readText(files[at]);
    const library = text === null ? null : understandLibrary(path, text);
    return library === null ? [] : [library];
  });
}

/** Null when the module is no test library. */
export function understandLibrary(path: string, source: string): Library | null {
  const tokens = significant(source);
  const functions = exportedFunctions(source, tokens).filter((one) => OF_FUNCTIONS.includes(one.meaning));
  const object = exportedObject(tokens);
  const assertions = object === null ? [] : methodsOf(source, tokens.slice(object.open + 1, object.close));
  if (!functions.some((one) => one.meaning === 'case') || assertions.length === 0 || object === null) return null;
  return { path, functions, checks: object.name, assertions };
}

function exportedFunctions(source: string, tokens: readonly Token[]): readonly Operation[] {
  return tokens.flatMap((token, at) => {
    if (token.text !== 'function' || !['export', 'async'].includes(tokens[at - 1]?.text ?? '')) return [];
    return operation(source, tokens, at + 1);
  });
}

function exportedObject(tokens: readonly Token[]): { readonly name: string; readonly open: number; readonly close: number } | null {
  const at = tokens.findIndex(
    (token, index) =>
      CHECKS.includes(token.text) &&
      tokens[index - 2]?.text === 'export' &&
      tokens[index + 1]?.text === '=' &&
      tokens[index + 2]?.text === '{',
  );
  return at < 0 ? null : { name: tokens[at]?.text ?? '', open: at + 2, close: closing(tokens, at + 2) };
}

function methodsOf(source: string, tokens: readonly Token[]): readonly Operation[] {
  const found: Operation[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (tokens[at]?.text === '{' || tokens[at]?.text === '(') at = closing(tokens, at);
    else if (tokens[at]?.kind === 'word' && tokens[at + 1]?.text === '(') found.push(...operation(source, tokens, at));
  }
  return found;
}

function operation(source: string, tokens: readonly Token[], at: number): readonly Operation[] {
  const name = tokens[at]?.text ?? '';
  const meaning = meaningOf(name);
  if (meaning === null || tokens[at + 1]?.text !== '(') return [];
  const parameters = splitArguments(tokens.slice(at + 2, closing(tokens, at + 1))).map((range) => {
    const [parameter = '', standard] = source.slice(range.start, range.end).split(/\s*=\s*/);
    return { name: parameter, standard: standard ?? null };
  });
  return [{ name, meaning, parameters }];
}

/** True when what is expected comes before what was found, which `node:assert` has the other way round. */
export function expectedFirst(operation: Operation): boolean {
  return /^(?:expected|wanted|agreed|should)/i.test(operation.parameters[0]?.name ?? '');
}

/** The tolerance that holds when none is given. */
export function standardTolerance(library: Library): string | null {
  return library.assertions.find((one) => one.meaning === 'near')?.parameters[2]?.standard ?? null;
}
