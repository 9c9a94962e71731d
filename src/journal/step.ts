import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { json } from './event-schema.ts';
import type { Journal } from './journal.ts';

export interface StepOptions<Result> {
  readonly journal: Journal;
  readonly run: string;
  /** Unique in the run. */
  readonly name: string;
  readonly schema: z.ZodType<Result>;
}

/**
 * A durable step: acts once in the life of the run. The result is journaled under the step's name and given again, without acting, ever after, in this
 * process and in those that resume the run. Both times it is what the schema makes of the result's JSON (nothing becomes null).
 * What `act` throws is passed on and not journaled, so that the step is open again.
 */
export async function step<Result>(options: StepOptions<Result>, act: () => Promise<Result>): Promise<Result> {
  const { journal, run, name } = options;
  const done = await journal.doneStep(run, name);
  if (done !== undefined) return parsed(options, done.result);
  const result = toJson(await act());
  await journal.append(run, [{ type: 'step.done', step: name, result }]);
  return parsed(options, result);
}

function parsed<Result>({ run, name, schema }: StepOptions<Result>, result: Json): Result {
  const answer = schema.safeParse(result);
  if (answer.success) return answer.data;
  throw new ConvergeError(
    'journal',
    `The result of step ${name} of run ${run} is not what this version of Converge expects: ${z.prettifyError(answer.error)}`,
    { cause: answer.error },
  );
}

function toJson(value: unknown): Json {
  const text: string | undefined = JSON.stringify(value);
  return json.parse(JSON.parse(text ?? 'null'));
}
