import { z } from 'zod';

import { ConvergeError } from '../domain/errors.ts';
import { toJson } from '../domain/json.ts';
import type { Journal } from './journal.ts';

/**
 * A durable step: acts once in the life of the run. The result is journaled under the step's name, which is unique in the run, and given again, without
 * acting, ever after, in this process and in those that resume the run. Both times it is what the schema makes of the result's JSON (nothing becomes null).
 * What `act` throws is passed on and not journaled, so that the step is open again.
 */
export type Step = <Result>(name: string, schema: z.ZodType<Result>, act: () => Promise<Result>) => Promise<Result>;

/** The durable steps of one run. */
export function durableSteps(journal: Journal, run: string): Step {
  return async (name, schema, act) => {
    const done = await journal.doneStep(run, name);
    const result = done === undefined ? toJson(await act()) : done.result;
    if (done === undefined) await journal.append(run, [{ type: 'step.done', step: name, result }]);
    const parsed = schema.safeParse(result);
    if (parsed.success) return parsed.data;
    throw new ConvergeError(
      'journal',
      `The result of step ${name} of run ${run} is not what this version of Converge expects: ${z.prettifyError(parsed.error)}`,
      { cause: parsed.error },
    );
  };
}
