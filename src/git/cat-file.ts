import { ConvergeError } from '../domain/errors.ts';
import { LongLived, type Talk } from './long-lived.ts';
import type { GitPlace } from './spawn.ts';

export interface StoredObject {
  readonly type: string;
  readonly bytes: Buffer;
}

interface Looked {
  readonly found: StoredObject | null;
}

/** Answers to questions that were asked together come together: one by one each would wake this process. */
const TALK: Talk<Looked> = { args: ['cat-file', '--batch-command', '--buffer'], flush: 'flush\n', take, most: Infinity };

/** Reads objects of the mirror. */
export class CatFile {
  readonly #git: LongLived<Looked>;

  constructor(place: GitPlace) {
    this.#git = new LongLived(place, TALK);
  }

  /** The object, or null when it is not in the repository. */
  async read(id: string): Promise<StoredObject | null> {
    if (!/^[0-9a-f]{40}$/u.test(id)) throw new ConvergeError('git', `An object id has 40 hex digits; found \`${id.slice(0, 80)}\`.`);
    return (await this.#git.ask(`contents ${id}\n`)).found;
  }

  async close(): Promise<void> {
    await this.#git.close();
  }
}

/** `<id> <type> <size>` and so many bytes, or `<id> missing`. */
function take(said: Buffer): ReturnType<Talk<Looked>['take']> {
  const line = said.indexOf(0x0a);
  if (line === -1) return null;
  const [, type = '', size] = said.toString('latin1', 0, line).split(' ');
  if (size === undefined) return { answer: { found: null }, length: line + 1 };
  const end = line + 1 + Number(size);
  return said.length < end + 1 ? null : { answer: { found: { type, bytes: Buffer.from(said.subarray(line + 1, end)) } }, length: end + 1 };
}
