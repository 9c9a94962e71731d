import type { Thought } from '../reply.ts';
import type { MessagesRequest } from '../request.ts';
import { briefOf } from './conversation.ts';
import type { Procedure } from './conversation.ts';

/** A read-only agent: answers in words, or with the least value that fits the schema it is asked for. */
export function* answerReader(request: MessagesRequest): Procedure<Thought> {
  const prompt = briefOf(request).trim();
  const text = `I was asked: ${prompt.split('\n').at(-1)?.slice(0, 200)}`;
  const schema = request.tools?.find((tool) => tool.name === 'submit')?.input_schema;
  if (schema === undefined) return { text };
  const input = leastObject(schema);
  for (let tries = 0; tries < 5; tries += 1) {
    const [answer] = yield { tools: [{ name: 'submit', input }] };
    if (answer?.failed !== true) break;
  }
  return { text };
}

type Schema = Readonly<Record<string, unknown>>;

function leastObject(schema: Schema): Readonly<Record<string, unknown>> {
  const { properties, required } = schema;
  if (!isSchema(properties) || !Array.isArray(required)) return {};
  return Object.fromEntries(required.filter((name) => typeof name === 'string').map((name) => [name, least(properties[name])]));
}

function least(schema: unknown): unknown {
  if (!isSchema(schema)) return null;
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  if (Array.isArray(schema['anyOf'])) return least(schema['anyOf'][0]);
  const { type } = schema;
  if (type === 'object') return leastObject(schema);
  if (type === 'array') return Array.from({ length: Number(schema['minItems'] ?? 0) }, () => least(schema['items']));
  if (type === 'string') return 'nothing';
  if (type === 'number' || type === 'integer') return Number(schema['minimum'] ?? 0);
  return type === 'boolean' ? false : null;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
