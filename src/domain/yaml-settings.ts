import { parseDocument } from 'yaml';
import { z } from 'zod';

/** One thing that is wrong with settings in YAML; the texts go to people as they are. */
export interface ConfigurationError {
  /** `checks[0].when`, or `line 3, column 5` for text that is no YAML. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
}

const MAX_BYTES = 65_536;

/** A mapping of known keys; its own error names the keys there are. */
export function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${keys}` : `a mapping with ${keys}`) });
}

/** `noLess`/`noMore` are written into the expectation: every message of a leaf says what was expected, whole. */
export function whole(noLess: number, noMore: number, unit: string): z.ZodNumber {
  const error = `a whole number from ${noLess} to ${noMore.toLocaleString('en')} (${unit})`;
  return z.number({ error }).int({ error }).min(noLess, { error }).max(noMore, { error });
}

export function text(what: string): z.ZodString {
  const error = `${what}, as text`;
  return z.string({ error }).trim().min(1, { error }).max(4096, { error });
}

export function oneOf<const Values extends readonly [string, ...string[]]>(values: Values): z.ZodEnum<z.core.util.ToEnum<Values[number]>> {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

export function list<Item extends z.ZodType>(item: Item, what: string): z.ZodArray<Item> {
  return z.array(item, { error: `a list of ${what}` }).max(200, { error: `at most 200 ${what}` });
}

export const GLOBS = list(text('a glob such as src/**'), 'globs');

/** Ceilings of a run, in one set of words for whoever sets them. */
export const LIMITS = mapping({
  dollars: z.number({ error: 'dollars for each run, more than 0' }).positive({ error: 'dollars for each run, more than 0' }).optional(),
  agents: whole(1, 100_000, 'agents started in a run').optional(),
  concurrency: whole(1, 256, 'agents at once').optional(),
  turns: whole(1, 1_000, 'turns of one agent').optional(),
  minutes: whole(1, 1_440, 'minutes of one agent').optional(),
  tokens: whole(1, 1_000_000_000_000, 'tokens of a run, read and written').optional(),
  run_turns: whole(1, 10_000_000, 'turns of a run, of all its agents').optional(),
  hours: z.number({ error: 'hours of work of a run, more than 0' }).positive({ error: 'hours of work of a run, more than 0' }).optional(),
});

/** Reads settings in YAML. Never throws: everything that is wrong with them is in `errors`, all at once. */
export function readSettings<Value>(
  source: string,
  schema: z.ZodType<Value>,
): { readonly value: Value } | { readonly errors: readonly ConfigurationError[] } {
  const read = readYaml(source);
  if ('errors' in read) return read;
  const parsed = schema.safeParse(read.value);
  return parsed.success ? { value: parsed.data } : { errors: parsed.error.issues.flatMap((issue) => explain(issue, read.value)) };
}

export function readYaml(source: string): { readonly value: unknown } | { readonly errors: readonly ConfigurationError[] } {
  if (Buffer.byteLength(source) > MAX_BYTES) {
    return { errors: [{ key: '(file)', found: `${Buffer.byteLength(source)} bytes`, expected: `at most ${MAX_BYTES} bytes` }] };
  }
  const document = parseDocument(source, { prettyErrors: true, logLevel: 'silent' });
  const problems = [...document.errors, ...document.warnings];
  if (problems.length > 0) {
    const lines = source.split(/\r?\n/u);
    return {
      errors: problems.map((problem) => {
        const place = problem.linePos?.[0];
        return {
          key: place === undefined ? '(file)' : `line ${place.line}, column ${place.col}`,
          found: shown(place === undefined ? source : (lines[place.line - 1] ?? '').trim()),
          expected: `valid YAML: ${(problem.message.split(' at line ')[0] ?? problem.message).trim()}`,
        };
      }),
    };
  }
  try {
    return { value: document.toJS({ maxAliasCount: 20 }) };
  } catch (error) {
    // The only way toJS fails: aliases that grow without bound, or that name nothing.
    return {
      errors: [{ key: '(file)', found: error instanceof Error ? error.message : String(error), expected: 'YAML without such aliases' }],
    };
  }
}

export function explain(issue: z.core.$ZodIssue, root: unknown): readonly ConfigurationError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ key: keyText([...issue.path, key]), found: `the unknown key ${key}`, expected: issue.message }));
  }
  return [{ key: keyText(issue.path), found: describe(valueAt(root, issue.path)), expected: issue.message }];
}

function keyText(path: readonly PropertyKey[]): string {
  const joined = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return joined === '' ? '(file)' : joined.replace(/^\./u, '');
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value = root;
  for (const part of path) {
    if (Array.isArray(value) && typeof part === 'number') value = value[part];
    else if (isMapping(value)) value = value[String(part)];
    else return undefined;
  }
  return value;
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `a list ${shown(JSON.stringify(value))}`;
  if (typeof value === 'string') return `the text ${shown(JSON.stringify(value))}`;
  return shown(JSON.stringify(value));
}

function shown(found: string): string {
  return found.length > 80 ? `${found.slice(0, 77)}…` : found;
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
