import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { deflated, formatObject, objectId, TEMPORARY_OBJECT, type FreshObject, type ObjectType } from './objects.ts';
import { writePack } from './pack.ts';

/** From so many on, objects become one pack: making a file costs more than deflating what is in it. Fewer are loose, so that packs stay few. */
const PACKED_FROM = 32;
/** Ids remembered of what was written, so that it is not written again into the next pack. */
const KNOWN = 100_000;
/** Bytes of objects, beyond which an index would need larger numbers. */
const LARGEST_PACK = 2 ** 30;

/** Objects that belong together. */
export interface Writing {
  /** Takes an object in and gives its id. */
  add(type: ObjectType, body: Uint8Array): string;
  /** So many wait to be written. */
  readonly size: number;
  /** Resolves when git can read all that was added. Rejects when anything could not be written since this writing began: what it was built on may be lost. */
  settled(): Promise<void>;
}

/** Writes objects into a repository, those of one turn together: a few as loose files, many as one pack. */
export class ObjectWriter {
  readonly #objects: string;
  readonly #onLost: () => void;
  readonly #known = new Set<string>();
  #fresh = new Map<string, FreshObject>();
  #failures = 0;
  #writing: Promise<void> = Promise.resolve();
  #next: Promise<void> | null = null;

  /** `objects`: the repository's directory of that name. `onLost`: some of what was added could not be written. */
  constructor(objects: string, onLost: () => void) {
    this.#objects = objects;
    this.#onLost = onLost;
  }

  begin(): Writing {
    const failures = this.#failures;
    const waiting = (): number => this.#fresh.size;
    return {
      add: (type, body) => this.#add(type, body),
      get size() {
        return waiting();
      },
      settled: async () => {
        await (this.#fresh.size === 0 ? this.#writing : (this.#next ??= this.#writeNext(this.#writing)));
        if (this.#failures !== failures) throw unwritable(new Error('objects that it needs were not written'));
      },
    };
  }

  #add(type: ObjectType, body: Uint8Array): string {
    const id = objectId(type, body);
    if (!this.#known.has(id) && !existsSync(this.#loose(id))) this.#fresh.set(id, { id, type, body });
    return id;
  }

  async #writeNext(before: Promise<void>): Promise<void> {
    await before.catch(() => undefined);
    // Others of this turn join.
    await turn();
    const batch = [...this.#fresh.values()];
    this.#fresh = new Map();
    this.#next = null;
    const written = this.#write(batch);
    this.#writing = written.catch(() => undefined);
    await written;
  }

  async #write(batch: readonly FreshObject[]): Promise<void> {
    try {
      if (batch.length >= PACKED_FROM && size(batch) < LARGEST_PACK) await writePack(join(this.#objects, 'pack'), batch);
      else for (const object of batch) await this.#writeLoose(object);
    } catch (error) {
      this.#failures += 1;
      this.#fresh = new Map();
      this.#onLost();
      throw unwritable(error);
    }
    for (const { id } of batch) this.#known.add(id);
    for (const id of this.#known) {
      if (this.#known.size <= KNOWN) break;
      this.#known.delete(id);
    }
  }

  /** Whole or not at all, but not forced to the disk: what a loss of power spoils is found by `takeOver`. */
  async #writeLoose({ id, type, body }: FreshObject): Promise<void> {
    const target = this.#loose(id);
    const folder = join(this.#objects, id.slice(0, 2));
    const bytes = await deflated(formatObject(type, body));
    const temporary = join(folder, `${TEMPORARY_OBJECT}${randomUUID()}`);
    try {
      mkdirSync(folder, { recursive: true });
      // One file of the page cache: turns through the thread pool cost several times as much.
      writeWhole(temporary, bytes);
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  }

  #loose(id: string): string {
    return join(this.#objects, id.slice(0, 2), id.slice(2));
  }
}

function size(batch: readonly FreshObject[]): number {
  return batch.reduce((sum, { body }) => sum + body.byteLength, 0);
}

function writeWhole(path: string, bytes: Buffer): void {
  const descriptor = openSync(path, 'wx', 0o444);
  try {
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  } finally {
    closeSync(descriptor);
  }
}

function unwritable(error: unknown): ConvergeError {
  return new ConvergeError(
    'git',
    `The mirror cannot be written: ${messageOf(error)}. Make room in the data directory, or make it writable.`,
    { retry: 'later', cause: error },
  );
}
