import type { StoredEvent } from '../domain/events.ts';
import { SWITCH_SCOPE } from '../domain/switched-off.ts';
import { storedEvent } from '../journal/event-schema.ts';
import { sealCheck, type SealedEvent } from '../journal/seal.ts';
import { chained, endOf } from './chain.ts';
import { auditor } from './entries.ts';

/** What an export came to. */
export interface Exported {
  readonly lines: number;
  /** The hash of its last line. */
  readonly head: string;
  /** What is wrong with the journal itself, in words; each stands in a line of its own too. */
  readonly broken: readonly string[];
  /** Events of versions without seals: nothing shows whether they were changed. */
  readonly unsealed: number;
}

/**
 * The audit log of a journal: a line for each event that somebody must answer for, chained, and one for each event that is not what was written. Of one run, with the commands
 * at its place and the turns of the switch, or of all for null.
 */
export async function* auditLines(events: AsyncIterable<SealedEvent>, run: string | null): AsyncGenerator<string, Exported> {
  const write = chained();
  const check = sealCheck();
  const entryOf = auditor();
  const belongs = belonging(run);
  const broken: string[] = [];
  let [lines, unsealed, head] = [0, 0, ''];
  const told = (facts: object): string => {
    const line = write(facts);
    lines += 1;
    head = line.slice(-66, -2);
    return line;
  };
  for await (const event of events) {
    const { scope, n, at, seal } = event;
    const problem = check(event);
    if (problem === null) unsealed += seal === null ? 1 : 0;
    else {
      broken.push(problem);
      yield told({ scope, n, at, what: 'broken', why: problem });
    }
    const stored = readable(event);
    if (stored === null) continue;
    const entry = entryOf(stored);
    if (!belongs(stored) || entry === null) continue;
    const { what, ...facts } = entry;
    yield told({ scope, n, at, what, ...facts, seal });
  }
  yield told(endOf({ entries: lines, broken: broken.length, unsealed }));
  return { lines, head, broken, unsealed };
}

/** Null for what is no event of this version any more, or never was. */
function readable({ scope, n, at, body }: SealedEvent): StoredEvent | null {
  const parsed = storedEvent.safeParse({ scope, n, at, body });
  return parsed.success ? parsed.data : null;
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
