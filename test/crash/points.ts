import { kindOf, nameOf, type Point } from './point.ts';
import type { Played } from './play.ts';

const MOST = 120;

/** All points of an undisturbed run's journal, in its order: after each event, between each effect on GitHub and its result in the journal, after each stored turn. */
export function allPoints({ events, checkpoints }: Pick<Played, 'events' | 'checkpoints'>): readonly Point[] {
  const counts = new Map<string, number>();
  const count = (type: string): number => {
    const nth = (counts.get(type) ?? 0) + 1;
    counts.set(type, nth);
    return nth;
  };
  const answers = events.filter(({ event }) => event.type === 'spend.charged').length;
  return events.flatMap(({ event }): readonly Point[] => {
    const nth = count(event.type);
    const after: Point = { kind: 'event', type: event.type, nth };
    if (event.type === 'effect.done') return [{ kind: 'acted', nth, what: event.key.split('/')[0] ?? event.key }, after];
    if (event.type !== 'spend.charged') return [after];
    // Turns are in a table of their own: those of an answer stand about where it was paid for.
    const [from, to] = [nth - 1, nth].map((answer) => Math.round((answer * checkpoints) / answers));
    return [
      after,
      ...Array.from({ length: (to ?? 0) - (from ?? 0) }, (_, at): Point => ({ kind: 'checkpoint', nth: (from ?? 0) + at + 1 })),
    ];
  });
}

/**
 * At most `most` of them: every point around an effect and every kind is kept, of what there are most of (requests and turns of agents, which are all alike) every other one is left
 * out until they fit.
 */
function thinned(points: readonly Point[], most = MOST): readonly Point[] {
  const kinds = Map.groupBy(points, kindOf);
  const total = (): number => [...kinds.values()].reduce((sum, members) => sum + members.length, 0);
  const spared = new Set(['effect.intended', 'effect.done', 'step.done']);
  while (total() > most) {
    const [longest] = [...kinds]
      .filter(([kind]) => !spared.has(kind) && !kind.startsWith('acted '))
      .toSorted((a, b) => b[1].length - a[1].length);
    if (longest === undefined || longest[1].length === 1) break;
    kinds.set(
      longest[0],
      longest[1].filter((_, at) => at % 2 === 0),
    );
  }
  return [...kinds.values()].flat();
}

/** One of each kind, from the middle of its kind. */
function oneOfEach(points: readonly Point[]): readonly Point[] {
  const middles = new Set([...Map.groupBy(points, kindOf).values()].map((members) => members[Math.floor(members.length / 2)]));
  return points.filter((point) => middles.has(point));
}

/** `each`: one of each kind. `all`. `20-39`: those that stand at these places of all, from 0. Else those whose name contains it, as `acted`. */
export function chosen(points: readonly Point[], which: string): readonly Point[] {
  if (which === 'each') return oneOfEach(points);
  const all = thinned(points);
  if (which === 'all') return all;
  const [, from, to] = /^(\d+)-(\d+)$/u.exec(which) ?? [];
  const some =
    from === undefined || to === undefined ? all.filter((point) => nameOf(point).includes(which)) : all.slice(Number(from), Number(to) + 1);
  if (some.length === 0)
    throw new Error(`CRASH: found ${which}, expected all, places as in 20-39 of ${all.length}, or a part of a name, as acted`);
  return some;
}
