import { z } from 'zod';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { toJson } from '../domain/json.ts';
import type { Json } from '../domain/json.ts';

type JsonObject = { readonly [key: string]: Json };

/** A script's JSON Schema for an agent's answer. A tool's input must be an object, so another shape is asked for in a field `answer`. */
export interface AnswerSchema {
  /** As the model sees it. */
  readonly shown: JsonObject;
  /** What is wrong with a submission, one text a problem. */
  problems(submitted: unknown): readonly string[];
  /** The script's value of a submission without problems. */
  valueOf(submitted: unknown): Json;
}

/** Ends in a ConvergeError of kind `script` for a schema that cannot be understood. */
export function answerSchema(schema: JsonObject): AnswerSchema {
  const wraps = schema['type'] !== 'object';
  const shown: JsonObject = wraps
    ? { type: 'object', properties: { answer: schema }, required: ['answer'], additionalProperties: false }
    : schema;
  const type = read(shown);
  return {
    shown,
    problems: (submitted) => {
      const parsed = type.safeParse(submitted);
      return parsed.success
        ? []
        : parsed.error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
    },
    valueOf: (submitted) => toJson(wraps ? z.object({ answer: z.unknown() }).parse(submitted).answer : submitted),
  };
}

function read(schema: JsonObject): z.ZodType {
  try {
    return z.fromJSONSchema(z.custom<Parameters<typeof z.fromJSONSchema>[0]>().parse(schema));
  } catch (error) {
    throw new ConvergeError('script', `agent(): its \`schema\` is no JSON Schema that is understood here: ${messageOf(error)}.`);
  }
}
