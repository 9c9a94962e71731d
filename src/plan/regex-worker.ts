import { parentPort } from 'node:worker_threads';
import type { RegexAnswer, RegexQuestion } from './regex.ts';

/** Runs in a thread of its own, because a regular expression cannot be interrupted and a thread can be ended. */
const compiled = new Map<string, RegExp>();

parentPort?.on('message', (question: RegexQuestion) => {
  const key = `${question.flags}/${question.pattern}`;
  const expression = compiled.get(key) ?? new RegExp(question.pattern, question.flags);
  compiled.set(key, expression);
  const answer: RegexAnswer = {
    matches: expression.test(question.text),
    replaced: question.replacement === null ? null : question.text.replace(expression, question.replacement),
  };
  parentPort?.postMessage(answer, []);
});
