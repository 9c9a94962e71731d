import { Suspended } from '../domain/errors.ts';
import type { RunEvent, StoredEvent } from '../domain/events.ts';
import { heldBy, heldText } from '../domain/hold.ts';
import { pauseOf, turnsRun } from '../domain/pause.ts';
import { steersIn, type Steer } from '../domain/steer.ts';
import { switchedOffText, type SwitchedOff } from '../domain/switched-off.ts';
import type { Journal } from '../journal/journal.ts';

/** What people tell runs that agents must know at once, wherever it was said: the journal shows it to every process. The operator's switch is one of these words. */
export interface Orders {
  /** Knows this run's orders from now on; before its first conversation. */
  follow(run: string): Promise<void>;
  /** What people said to every agent of the run, in order. */
  steers(run: string): readonly Steer[];
  /** Why no request may be sent now; null when it may. For null instead of a run: none of any run. */
  refusal(run: string | null): Suspended | null;
  /** A request of the run is sent; gives the way to say that it ended, with its answer on disk. */
  begin(run: string): () => void;
  /** Resolves when no request of the run is in flight in this process. */
  quiet(run: string): Promise<void>;
}

interface Known {
  /** By place in the run's record, so that what is read and what is heard at the same time is there once. */
  readonly events: Map<number, StoredEvent>;
  loaded: Promise<void> | null;
  inFlight: number;
  ended: PromiseWithResolvers<void>;
}

export interface OrdersParts {
  readonly journal: Pick<Journal, 'events' | 'watch'>;
  /** The operator's switch, asked each time. */
  readonly off: () => SwitchedOff | null;
}

export function openOrders({ journal, off }: OrdersParts): Orders {
  const runs = new Map<string, Known>();
  const knownOf = (run: string): Known => {
    const known = runs.get(run) ?? { events: new Map(), loaded: null, inFlight: 0, ended: Promise.withResolvers<void>() };
    runs.set(run, known);
    return known;
  };
  const hear = (stored: StoredEvent): void => {
    const { event } = stored;
    if (event.type === 'signal.received' || event.type === 'run.amended' || turnsRun(event))
      runs.get(stored.scope)?.events.set(stored.n, stored);
  };
  // For the life of the journal: which runs come is not known before.
  journal.watch(null, (stored) => {
    hear(stored);
    if (stored.event.type === 'run.ended') runs.delete(stored.scope);
  });
  const load = async (run: string): Promise<void> => {
    for (const stored of await journal.events(run)) hear(stored);
  };

  return {
    follow: async (run) => {
      const known = knownOf(run);
      known.loaded ??= load(run);
      try {
        await known.loaded;
      } catch (error) {
        known.loaded = null;
        throw error;
      }
    },
    steers: (run) => steersIn(eventsOf(runs.get(run)).filter((event) => event.type === 'run.amended')),
    refusal: (run) => {
      const switchedOff = off();
      if (switchedOff !== null) return new Suspended('switched-off', switchedOffText(switchedOff));
      if (run === null) return null;
      const events = eventsOf(runs.get(run));
      const held = heldBy(events.filter((event) => event.type === 'signal.received'));
      if (held !== null) return new Suspended('person', heldText(held));
      const pause = pauseOf(events);
      if (pause?.reason === 'not-allowed') return new Suspended('not-allowed', pause.message);
      // Another process met the refusal. Should the run be going on by now, and that not be heard yet, the call is given out again.
      if (pause?.reason === 'authentication' || pause?.reason === 'spending-limit')
        return new Suspended('stopping', 'The run is paused, because the account of the model takes nothing.');
      return null;
    },
    begin: (run) => {
      const known = knownOf(run);
      known.inFlight += 1;
      return () => {
        known.inFlight -= 1;
        known.ended.resolve();
        known.ended = Promise.withResolvers<void>();
      };
    },
    quiet: async (run) => {
      for (let known = runs.get(run); known !== undefined && known.inFlight > 0; known = runs.get(run)) await known.ended.promise;
    },
  };
}

function eventsOf(known: Known | undefined): readonly RunEvent[] {
  const events = [...(known?.events.values() ?? [])].toSorted((a, b) => a.n - b.n);
  return events.map(({ event }) => event);
}
