import { z } from 'zod';
import { messageOf } from '../domain/errors.ts';

/** One question of the parent, and its answer: `{id, ask, with}` → `{id, answer}` or `{id, problem}`. */
export const Question = z.object({ id: z.number(), ask: z.string(), with: z.unknown() });
export const Reply = z.union([z.object({ id: z.number(), answer: z.unknown() }), z.object({ id: z.number(), problem: z.string() })]);

/** Answers the parent's questions for the life of this process, which ends with the parent. */
export function answerParent(answers: Readonly<Record<string, (value: unknown) => Promise<unknown>>>): void {
  process.on('message', (message) => {
    const { id, ask, with: value } = Question.parse(message);
    const answer = answers[ask];
    const told = answer === undefined ? Promise.reject(new Error(`nobody answers ${ask}`)) : answer(value);
    told.then(
      (given) => process.send?.({ id, answer: given ?? null }),
      (error: unknown) => process.send?.({ id, problem: messageOf(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
}
