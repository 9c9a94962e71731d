import { helpReply } from '../report/replies.ts';
import type { Answer } from './desk.ts';

/** All commands with their forms. */
export function help(): Promise<Answer> {
  return Promise.resolve(helpReply());
}
