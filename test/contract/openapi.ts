import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import type { ValidateFunction } from 'ajv';
import { z } from 'zod';

const Schema = z.record(z.string(), z.unknown());
const Operation = z.object({
  method: z.string(),
  path: z.string(),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean(), multiSegment: z.boolean(), schema: Schema })),
  body: z.object({ required: z.boolean(), schema: Schema }).nullable(),
  responses: z.record(z.string(), Schema),
});
type Operation = z.infer<typeof Operation>;

const Extract = z.object({ source: z.string(), operations: z.array(Operation) });

/** GitHub's own description of what Converge uses; written by extract.mjs. */
const { operations } = Extract.parse(JSON.parse(readFileSync(new URL('../../fixtures/openapi/operations.json', import.meta.url), 'utf8')));

const FORMATS = {
  'date-time': (text: string) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u.test(text),
  uri: (text: string) => URL.canParse(text),
};

const strict = new Ajv({ allErrors: true, strict: false, formats: FORMATS, logger: false });
/** Queries and paths are text. */
const lenient = new Ajv({ allErrors: true, strict: false, formats: FORMATS, logger: false, coerceTypes: 'array' });

const compiled = new Map<object, ValidateFunction>();

function problems(ajv: Ajv, schema: z.infer<typeof Schema>, at: { readonly name: string; readonly value: unknown }): readonly string[] {
  const validate = compiled.get(schema) ?? ajv.compile(schema);
  compiled.set(schema, validate);
  // Coercion needs something that holds the value.
  if (validate(structuredClone(at.value))) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${at.name}${instancePath}: ${message} ${JSON.stringify(params)}`,
  );
}

export interface AskedRequest {
  readonly method: string;
  /** Without the API's root, still percent-encoded. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Undefined when there is none. */
  readonly body: unknown;
}

interface Found {
  readonly operation: Operation;
  readonly inPath: Readonly<Record<string, string>>;
}

function find({ method, path }: Pick<AskedRequest, 'method' | 'path'>): Found | null {
  for (const operation of operations) {
    const many = new Set(operation.parameters.filter((one) => one.multiSegment).map((one) => one.name));
    const source = operation.path.replaceAll(/\{(\w+)\}/gu, (_, name: string) => `(?<${name}>${many.has(name) ? '.+' : '[^/]+'})`);
    const match = operation.method === method ? new RegExp(`^${source}$`, 'u').exec(path) : null;
    if (match) return { operation, inPath: { ...match.groups } };
  }
  return null;
}

/** `GET /repos/{owner}/{repo}`, or null for what is not among GitHub's operations that are known here. */
export function operationOf(asked: Pick<AskedRequest, 'method' | 'path'>): string | null {
  const found = find(asked);
  return found && `${found.operation.method} ${found.operation.path}`;
}

export function knownOperations(): readonly string[] {
  return operations.map(({ method, path }) => `${method} ${path}`);
}

/** What is wrong with a request by GitHub's description: each problem in words, none for a right one. Names that GitHub would silently ignore are problems too. */
export function checkRequest(asked: AskedRequest): readonly string[] {
  const found = find(asked);
  if (!found)
    return [`GitHub has no operation ${asked.method} ${asked.path} among those of the extract; if it is a new one, add it in extract.mjs`];
  const { operation, inPath } = found;
  const inQuery = operation.parameters.filter((one) => one.in === 'query');
  const unknown = Object.keys(asked.query).filter((name) => !inQuery.some((one) => one.name === name));
  const parameters = operation.parameters.flatMap((one) => {
    const value = one.in === 'query' ? asked.query[one.name] : one.in === 'path' ? decodeURIComponent(inPath[one.name] ?? '') : undefined;
    if (value === undefined) return one.required ? [`${one.name}: missing`] : [];
    return problems(lenient, { type: 'object', properties: { value: one.schema } }, { name: one.name, value: { value } });
  });
  return [...unknown.map((name) => `query: unknown parameter ${name}`), ...parameters, ...bodyProblems(operation, asked.body)];
}

function bodyProblems({ body }: Operation, sent: unknown): readonly string[] {
  if (sent === undefined) return body?.required === true ? ['body: missing'] : [];
  return body === null ? ['body: the operation takes none'] : problems(strict, body.schema, { name: 'body', value: sent });
}

type Answered = Pick<AskedRequest, 'method' | 'path'> & { readonly status: number; readonly answer: unknown };

/**
 * What is wrong with a success's body; null when GitHub's description says nothing of this status. `leftOut` names the properties that may be missing from an
 * operation's answers.
 */
export function responseChecker(leftOut: (operation: string) => readonly string[]): (answered: Answered) => readonly string[] | null {
  const relaxed = new Map<object, z.infer<typeof Schema>>();
  return (answered) => {
    const schema = find(answered)?.operation.responses[String(answered.status)];
    if (schema === undefined) return null;
    const without = relaxed.get(schema) ?? Schema.parse(notRequiring(schema, new Set(leftOut(operationOf(answered) ?? ''))));
    relaxed.set(schema, without);
    return problems(strict, without, { name: '', value: answered.answer });
  };
}

function notRequiring(schema: unknown, names: ReadonlySet<string>): unknown {
  if (Array.isArray(schema)) return schema.map((one) => notRequiring(one, names));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      const isList = key === 'required' && Array.isArray(value);
      return [key, isList ? value.filter((name) => !names.has(name)) : notRequiring(value, names)];
    }),
  );
}
