import { parseDocument } from 'yaml';
import { z } from 'zod';
import { EFFORTS, type Role } from './effort.ts';

/** One thing that is wrong with `.github/converge.yml`; the texts go to people as they are. */
export interface ConfigurationError {
  /** `checks[0].when`, or `line 3, column 5` for text that is no YAML. */
  readonly key: string;
  readonly found: string;
  readonly expected: string;
}

export type ParsedConfiguration =
  | { readonly kind: 'absent' }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'invalid'; readonly errors: readonly ConfigurationError[] }
  | { readonly kind: 'enabled'; readonly configuration: RepositoryConfiguration };

const MAX_BYTES = 65_536;

/** A mapping of known keys; its own error names the keys there are. */
function mapping<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${keys}` : `a mapping with ${keys}`) });
}

/** `noLess`/`noMore` are written into the expectation: every message of a leaf says what was expected, whole. */
function whole(noLess: number, noMore: number, unit: string): z.ZodNumber {
  const error = `a whole number from ${noLess} to ${noMore.toLocaleString('en')} (${unit})`;
  return z.number({ error }).int({ error }).min(noLess, { error }).max(noMore, { error });
}

function text(what: string): z.ZodString {
  const error = `${what}, as text`;
  return z.string({ error }).trim().min(1, { error }).max(4096, { error });
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values): z.ZodEnum<z.core.util.ToEnum<Values[number]>> {
  return z.enum(values, { error: `one of ${values.join(', ')}` });
}

function list<Item extends z.ZodType>(item: Item, what: string): z.ZodArray<Item> {
  return z.array(item, { error: `a list of ${what}` }).max(200, { error: `at most 200 ${what}` });
}

/** One optional value for each role. */
function byRole<Value extends z.ZodType>(value: Value): z.ZodObject<Readonly<Record<Role, z.ZodOptional<Value>>>, z.core.$strict> {
  const one = value.optional();
  return mapping({ planner: one, reader: one, migrator: one, reviser: one, verifier: one });
}

const GLOBS = list(text('a glob such as src/**'), 'globs');

const CHECK = mapping({
  name: z
    .string({ error: 'a name of lower-case letters, digits and dashes' })
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/u, { error: 'a name of at most 40 lower-case letters, digits and dashes' }),
  run: text('the command to run'),
  when: oneOf(['shard', 'converged']),
});

const SCHEMA = mapping({
  enabled: z.boolean({ error: 'true or false' }).default(false),
  setup: text('the command that installs what checks need').nullable().default(null),
  checks: list(CHECK, 'checks').default([]),
  paths: mapping({ include: GLOBS.default([]), exclude: GLOBS.default([]), protected: GLOBS.default([]) }).prefault({}),
  limits: mapping({
    dollars: z.number({ error: 'dollars for each run, more than 0' }).positive({ error: 'dollars for each run, more than 0' }).optional(),
    agents: whole(1, 100_000, 'agents started in a run').optional(),
    concurrency: whole(1, 256, 'agents at once').optional(),
    turns: whole(1, 1_000, 'turns of one agent').optional(),
    minutes: whole(1, 1_440, 'minutes of one agent').optional(),
    tokens: whole(1, 1_000_000_000_000, 'tokens of a run, read and written').optional(),
    run_turns: whole(1, 10_000_000, 'turns of a run, of all its agents').optional(),
    hours: z.number({ error: 'hours of work of a run, more than 0' }).positive({ error: 'hours of work of a run, more than 0' }).optional(),
  }).prefault({}),
  models: byRole(text("a model's id such as claude-opus-5-5")).prefault({}),
  effort: byRole(oneOf(EFFORTS)).prefault({}),
  reviewers: whole(1, 8, 'verifiers for each review').default(2),
  rounds: whole(1, 3, 'reviews for each shard').default(3),
  approvers: mapping({
    logins: list(text('a login'), 'logins').default([]),
    permission: oneOf(['write', 'maintain', 'admin']).default('write'),
  }).prefault({}),
  publish_shards: z.boolean({ error: 'true or false' }).default(false),
}).superRefine((value, context) => {
  value.checks.forEach((check, index) => {
    const first = value.checks.findIndex((other) => other.name === check.name);
    if (first < index) {
      context.addIssue({ code: 'custom', path: ['checks', index, 'name'], message: `a name that checks[${first}] does not have yet` });
    }
  });
});

/**
 * What `.github/converge.yml` of the default branch says, defaults filled in. `limits` are the repository's wish: the operator's bound them (settings.ts).
 * `approvers.logins`: when it is not empty, only these people may approve; everybody needs `approvers.permission` at least.
 */
export type RepositoryConfiguration = z.output<typeof SCHEMA>;

/**
 * Reads the text of `.github/converge.yml`; null when there is no such file. Never throws: everything that is wrong with it is in `errors`, all at once.
 * Off unless it says `enabled: true`; with `enabled: false` nothing else is looked at.
 */
export function parseRepositoryConfiguration(source: string | null): ParsedConfiguration {
  if (source === null) return { kind: 'absent' };
  const read = readYaml(source);
  if ('errors' in read) return { kind: 'invalid', errors: read.errors };
  if (read.value === null) return { kind: 'disabled' };
  if (isMapping(read.value) && read.value['enabled'] === false) return { kind: 'disabled' };
  const parsed = SCHEMA.safeParse(read.value);
  if (!parsed.success) return { kind: 'invalid', errors: parsed.error.issues.flatMap((issue) => explain(issue, read.value)) };
  return parsed.data.enabled ? { kind: 'enabled', configuration: parsed.data } : { kind: 'disabled' };
}

function readYaml(source: string): { readonly value: unknown } | { readonly errors: readonly ConfigurationError[] } {
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

function explain(issue: z.core.$ZodIssue, root: unknown): readonly ConfigurationError[] {
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

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
