import { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Journal } from '../journal/journal.ts';
import type { Enquiries } from './enquiries.ts';
import { makeUnsealer, seal, Sealed } from './sealed.ts';

/** What a worker needs to fetch a run's repository; the token is short-lived, for that repository, and may only read. */
const Access = z.object({ cloneUrl: z.string(), bot: z.object({ name: z.string(), email: z.string() }), token: z.string() });
export type Access = z.infer<typeof Access>;

const NAME = 'repository-access';
const Question = z.object({ run: z.string(), key: z.string() });

/** Asks an App for access to the run's repository. Ends in a ConvergeError to be tried later when none answers. */
export function accessAsker(enquiries: Enquiries): (run: string) => Promise<Access> {
  const unsealer = makeUnsealer();
  return async (run) => {
    const answer = await enquiries.ask(NAME, { run, key: unsealer.key });
    return Access.parse(JSON.parse(unsealer.open(Sealed.parse(answer))));
  };
}

/** Answers workers, for repositories of runs that are under way and no others. */
export async function answerAccess(enquiries: Enquiries, journal: Journal, accessOf: (run: string) => Promise<Access>): Promise<void> {
  await enquiries.answer(NAME, async (asked) => {
    const { run, key } = Question.parse(asked);
    if (foldRun(await journal.events(run)).status === 'ended')
      throw new ConvergeError(
        'command',
        `A worker asked for the repository of run ${run}, which has ended. It needs nothing there any more.`,
      );
    return seal(JSON.stringify(await accessOf(run)), key);
  });
}
