import { z } from 'zod';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { within } from '../time-limit.ts';

/** What a schema may take for one answer, in milliseconds. */
const LIMIT = 500;

/** Asks a script's JSON Schema about an answer: what is wrong with it, one text a problem. Ends in a ConvergeError of kind `script` for a schema that cannot be understood. */
export function answerProblems(schema: { readonly [key: string]: Json }): (answer: unknown) => readonly string[] {
  const type = read(schema);
  return (answer) => {
    const parsed = ask(type, answer);
    if (parsed.success) return [];
    return parsed.error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
  };
}

/** A schema comes from a script and an answer from a model: together they may take for ever (a \`pattern\`), or all of the stack (a \`$ref\` to itself). */
function ask(type: z.ZodType, answer: unknown): z.ZodSafeParseResult<unknown> {
  try {
    return within(LIMIT, () => type.safeParse(answer));
  } catch (error) {
    throw new ConvergeError('script', `agent(): its \`schema\` cannot be asked about an answer: ${messageOf(error)}. Make it simpler.`);
  }
}

function read(schema: { readonly [key: string]: Json }): z.ZodType {
  try {
    return z.fromJSONSchema(z.custom<Parameters<typeof z.fromJSONSchema>[0]>().parse(schema));
  } catch (error) {
    throw new ConvergeError('script', `agent(): its \`schema\` is no JSON Schema that is understood here: ${messageOf(error)}.`);
  }
}
