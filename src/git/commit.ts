import { ConvergeError } from '../domain/errors.ts';
import type { CommitSpec } from './workspace.ts';

export interface Signature {
  readonly name: string;
  readonly email: string;
}

/** Body of a git commit object, the bytes that `git commit-tree` writes for the same author, date and message on standard input. */
export function formatCommit(spec: CommitSpec, bot: Signature): Buffer {
  const seconds = Math.floor(Date.parse(spec.date) / 1_000);
  if (!Number.isSafeInteger(seconds) || seconds < 0) {
    throw new ConvergeError('git', `A commit's date must be ISO 8601 and not before 1970; found \`${spec.date}\`.`);
  }
  if (spec.message.includes('\0')) throw new ConvergeError('git', 'A commit message holds a NUL character, which git cannot store.');
  for (const id of [spec.tree, ...spec.parents]) {
    if (!/^[0-9a-f]{40}$/u.test(id)) throw new ConvergeError('git', `An object id has 40 hex digits; found \`${id.slice(0, 80)}\`.`);
  }
  const who = `${identity(bot.name)} <${identity(bot.email)}> ${seconds} +0000`;
  const head = [`tree ${spec.tree}`, ...spec.parents.map((parent) => `parent ${parent}`), `author ${who}`, `committer ${who}`];
  return Buffer.from(`${head.join('\n')}\n\n${spec.message}`, 'utf8');
}

/** What git leaves of a name or address: no line ends or angle brackets, no punctuation at its ends (git's ident.c). */
function identity(text: string): string {
  // oxlint-disable-next-line no-control-regex -- git strips exactly these
  const crud = /^[\u0000-\u0020.,:;<>"\\']+|[\u0000-\u0020.,:;<>"\\']+$/gu;
  return text.replace(crud, '').replace(/[\n<>]/gu, '');
}
