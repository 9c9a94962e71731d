import type { Journal } from '../journal/journal.ts';
import { MICRO, type MicroDollars } from '../domain/budget.ts';
import type { RunEvent } from '../domain/events.ts';
import type { BudgetView } from './protocol.ts';

export interface BudgetTotals {
  /** Output tokens the script may plan with; null when nobody set any. */
  readonly tokens: number | null;
  readonly budget: MicroDollars;
}

interface Spent {
  readonly output: number;
  readonly micro: MicroDollars;
}

const NOTHING: Spent = { output: 0, micro: 0 };

/**
 * What a script may know as spent: the charges of calls that were delivered to it, and of their child calls, made before they settled.
 * A raise of the limit is seen with the first call that settled after it. So it is the same at each replay, however much runs beside. Gives the `budgetAt` of runScript; `opening` is the view before the first delivery.
 */
export function deliveredBudget(options: { journal: Pick<Journal, 'events'>; run: string; totals: BudgetTotals }): {
  readonly opening: BudgetView;
  readonly budgetAt: (call: { readonly key: string }) => Promise<BudgetView>;
} {
  const { journal, run, totals } = options;
  const charges = new Charges();
  let read = 0;
  let spent = NOTHING;
  let raised = 0;
  const view = (): BudgetView => ({
    total: totals.tokens,
    spent: spent.output,
    dollars: { total: (totals.budget + raised) / MICRO, spent: spent.micro / MICRO },
  });
  const budgetAt = async ({ key }: { readonly key: string }): Promise<BudgetView> => {
    // Several settle at a time: what one delivery needs was mostly read with the one before.
    if (!charges.has(key)) {
      for (const { n, event } of await journal.events(run, read)) {
        read = n;
        charges.add(event);
      }
    }
    spent = sum(spent, charges.of(key));
    raised = Math.max(raised, charges.raisedBefore(key));
    return view();
  };
  return { opening: view(), budgetAt };
}

/** Charges of each call up to its settlement. */
class Charges {
  readonly #agents = new Map<string, string>();
  readonly #running = new Map<string, Spent>();
  readonly #settled = new Map<string, Spent>();
  /** Ids of the comments that raised the limit, with how much. */
  readonly #raises = new Map<string, MicroDollars>();
  readonly #raisedAt = new Map<string, MicroDollars>();

  add(event: RunEvent): void {
    if (event.type === 'spend.reserved') this.#agents.set(event.id, callOf(event.agent));
    if (event.type === 'spend.charged') {
      const call = this.#agents.get(event.id);
      if (call !== undefined)
        this.#running.set(call, sum(this.#running.get(call) ?? NOTHING, { output: event.usage.output, micro: event.amount }));
    }
    if (event.type === 'run.amended' && event.amendment.kind === 'budget' && !this.#raises.has(event.id))
      this.#raises.set(event.id, event.amendment.add);
    if (event.type !== 'call.settled') return;
    this.#settled.set(event.key, this.#running.get(event.key) ?? NOTHING);
    this.#raisedAt.set(
      event.key,
      [...this.#raises.values()].reduce((total, more) => total + more, 0),
    );
  }

  /** What the limit was raised by before this call settled. */
  raisedBefore(key: string): MicroDollars {
    return this.#raisedAt.get(key) ?? 0;
  }

  /** Whether the call's settlement was added, and with it all that counts for it. */
  has(key: string): boolean {
    return this.#settled.has(key);
  }

  of(key: string): Spent {
    return this.#settled.get(key) ?? NOTHING;
  }
}

/** An agent's id is its call's key, or `key/child` within a composite. */
function callOf(agent: string): string {
  return agent.split('/', 1)[0] ?? agent;
}

function sum(a: Spent, b: Spent): Spent {
  return { output: a.output + b.output, micro: a.micro + b.micro };
}
