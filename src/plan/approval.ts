import type { Plan } from '../domain/plan.ts';
import type { House } from '../house.ts';
import { nextSignal } from '../journal/next-signal.ts';

export type PlanDecision =
  | { readonly kind: 'approved'; readonly by: string; readonly signal: string }
  | { readonly kind: 'revise'; readonly by: string; readonly text: string; readonly signal: string };

/** A base that moved stales nothing, unless more than this share of the inventory changed before the approval (invariant 2). */
const STALE_SHARE = 0.2;

/**
 * Waits, for days if need be, until a person approves this very plan or asks for another. Commands were checked (who, which hash) before they became signals;
 * an approval of another hash that slipped in is passed over. Rejects with `Suspended` when the run stops or the process ends.
 */
export async function nextDecision(house: House, plan: Plan): Promise<PlanDecision> {
  const heard = await heardSignals(house);
  const signal = await nextSignal(house, (candidate) => {
    if (heard.has(candidate.id)) return false;
    return candidate.name === 'revise' || (candidate.name === 'approve' && plan.hash.startsWith(candidate.text));
  });
  return signal.name === 'approve'
    ? { kind: 'approved', by: signal.by, signal: signal.id }
    : { kind: 'revise', by: signal.by, text: signal.text, signal: signal.id };
}

/** Signals that earlier decisions of this run were made of. */
async function heardSignals(house: House): Promise<ReadonlySet<string>> {
  const events = await house.journal.events(house.run);
  return new Set(
    events.flatMap(({ event }) => {
      if (event.type !== 'step.done' || !event.step.startsWith('decision#')) return [];
      const { result } = event;
      return result !== null && typeof result === 'object' && 'signal' in result && typeof result.signal === 'string'
        ? [result.signal]
        : [];
    }),
  );
}

export type Freshness = { readonly kind: 'fresh' } | { readonly kind: 'stale'; readonly reason: string };

/** Whether the base moved so far since the plan was made that a person approved something else than what is there now. */
export async function freshness(house: House, plan: Plan): Promise<Freshness> {
  const head = await house.repository.fetchBranch({ run: house.run, branch: plan.base.branch });
  if (head === null || head === plan.base.commit) return { kind: 'fresh' };
  const changed = new Set(
    (await house.repository.diff(plan.base.tree, await house.repository.treeOf(head))).flatMap((file) => [
      file.path,
      file.oldPath ?? file.path,
    ]),
  );
  const touched = plan.inventory.filter((path) => changed.has(path));
  if (touched.length <= plan.inventory.length * STALE_SHARE) return { kind: 'fresh' };
  return {
    kind: 'stale',
    reason: `\`${plan.base.branch}\` moved to ${head.slice(0, 12)} before the approval, and ${touched.length} of the ${plan.inventory.length} files of the inventory changed with it.`,
  };
}
