import { hash } from 'node:crypto';

import { z } from 'zod';

import { messageOf } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import { SWITCH_SCOPE } from '../domain/switched-off.ts';
import { storedEvent } from '../journal/event-schema.ts';
import { sealCheck, type SealedEvent } from '../journal/seal.ts';
import { chained, endOf } from './chain.ts';
import { auditor, short } from './entries.ts';

/** What an export came to. */
export interface Exported {
  readonly lines: number;
  /** The hash of its last line. */
  readonly head: string;
  /** What is wrong with the journal itself, in words; each stands in a line of its own too. */
  readonly broken: readonly string[];
  /** Events of versions without seals: nothing shows whether they were changed. */
  readonly unsealed: number;
  /** Events that are none of this version's; each stands in a line of its own, since nobody knows what it told. */
  readonly unreadable: number;
  /** Whether the journal has the run that was asked for. */
  readonly known: boolean;
}

/**
 * The audit log of a journal: a line for each event that somebody must answer for, chained, and one for each event that is not what was written or cannot be read, wherever
 * it stands. Of one run, with the commands at its place and the turns of the switch, or of all for null.
 */
export async function* auditLines(events: AsyncIterable<SealedEvent>, run: string | null): AsyncGenerator<string, Exported> {
  const write = chained();
  const check = sealCheck();
  const entryOf = auditor();
  const belongs = belonging(run);
  const broken: string[] = [];
  let [lines, unsealed, unreadable, head] = [0, 0, 0, ''];
  let known = run === null;
  const told = (facts: object): string => {
    const line = write(facts);
    lines += 1;
    head = line.slice(-66, -2);
    return line;
  };
  for await (const event of events) {
    const { scope, n, at, seal } = event;
    known ||= scope === run;
    const problem = check(event);
    if (problem === null) unsealed += seal === null ? 1 : 0;
    else {
      broken.push(problem);
      yield told({ scope, n, at, what: 'broken', why: problem });
    }
    const read = readable(event);
    if ('unreadable' in read) {
      unreadable += 1;
      yield told({ scope, n, at, what: 'unreadable', ...read.unreadable, seal });
      continue;
    }
    const { stored } = read;
    const entry = entryOf(stored);
    if (!belongs(stored) || entry === null) continue;
    const { what, ...facts } = entry;
    yield told({ scope, n, at, what, ...facts, seal });
  }
  yield told(endOf({ entries: lines, broken: broken.length, unsealed, unreadable }));
  return { lines, head, broken, unsealed, unreadable, known };
}

type Read = { readonly stored: StoredEvent } | { readonly unreadable: object };

const named = z.object({ type: z.string() });

/** An event, or what can be told of what is none of this version's; the hash is of its text in the journal. */
function readable({ scope, n, at, body }: SealedEvent): Read {
  const unreadable = (type: string | null, why: string): Read => ({
    unreadable: { type: type === null ? null : short(type), why: short(why), hash: hash('sha256', body) },
  });
  try {
    const parsed = storedEvent.safeParse({ scope, n, at, body });
    if (parsed.success) return { stored: parsed.data };
    return unreadable(named.safeParse(JSON.parse(body)).data?.type ?? null, z.prettifyError(parsed.error));
  } catch (error) {
    // JSON.parse, there too.
    return unreadable(null, messageOf(error));
  }
}

/** Whether an event is told in the log of a run. */
function belonging(run: string | null): (stored: StoredEvent) => boolean {
  const places = new Set<string>();
  const placeOf = ({ owner, repo }: { readonly owner: string; readonly repo: string }, number: unknown): string =>
    `${owner}/${repo}#${String(number)}`.toLowerCase();
  let repository: { readonly owner: string; readonly repo: string } | null = null;
  return ({ scope, event }) => {
    if (run === null || scope === run || scope === SWITCH_SCOPE) {
      if (event.type === 'run.started') {
        repository = event.place;
        places.add(placeOf(event.place, event.place.number));
      }
      const isPullRequest = event.type === 'effect.done' && event.key === 'pull-request';
      const result = isPullRequest && event.result !== null && typeof event.result === 'object' ? event.result : {};
      if (repository !== null && 'number' in result) places.add(placeOf(repository, result['number']));
      return true;
    }
    return event.type === 'command.answered' && places.has(placeOf(event.place, event.place.number));
  };
}
