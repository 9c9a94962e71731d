import { z } from 'zod';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';

/** Asks a script's JSON Schema about an answer: what is wrong with it, one text a problem. Ends in a ConvergeError of kind `script` for a schema that cannot be understood. */
export function answerProblems(schema: { readonly [key: string]: Json }): (answer: unknown) => readonly string[] {
  const type = read(schema);
  return (answer) => {
    const parsed = type.safeParse(answer);
    if (parsed.success) return [];
    return parsed.error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
  };
}

function read(schema: { readonly [key: string]: Json }): z.ZodType {
  try {
    return z.fromJSONSchema(z.custom<Parameters<typeof z.fromJSONSchema>[0]>().parse(schema));
  } catch (error) {
    throw new ConvergeError('script', `agent(): its \`schema\` is no JSON Schema that is understood here: ${messageOf(error)}.`);
  }
}
