import { amountsOfCharge } from './account.ts';
import { addUsage, NO_USAGE, type MicroDollars, type Usage } from './budget.ts';
import type { StoredEvent } from './events.ts';

export interface Spend {
  readonly spent: MicroDollars;
  /** Reserved for requests that were not charged yet. */
  readonly reserved: MicroDollars;
  readonly usage: Usage;
  /** As the limits of a run count them (domain/account.ts). */
  readonly tokens: number;
  readonly turns: number;
  /** Requests charged in full because their usage was never learned. */
  readonly unknown: number;
}

export interface Spending {
  readonly total: Spend;
  readonly phases: readonly (Spend & { readonly phase: string })[];
  readonly agents: readonly (Spend & { readonly agent: string })[];
}

const NO_SPEND: Spend = { spent: 0, reserved: 0, usage: NO_USAGE, tokens: 0, turns: 0, unknown: 0 };

interface Request {
  readonly asked: { readonly amount: MicroDollars; readonly tokens?: number };
  readonly agent: string;
  readonly phase: string;
  readonly spend: Spend;
}

/** What a run's requests to the model cost and reserve: in all, by phase, by agent. */
export function spendingOf(events: readonly StoredEvent[]): Spending {
  const requests = new Map<string, Request>();
  for (const { event } of events) {
    if (event.type === 'spend.reserved') {
      const { agent, phase, amount } = event;
      requests.set(event.id, { agent, phase, asked: event, spend: { ...NO_SPEND, reserved: amount } });
    }
    if (event.type === 'spend.charged') {
      const request = requests.get(event.id);
      if (request === undefined) continue;
      const { tokens, turns } = amountsOfCharge(request.asked, event);
      const spend = { spent: event.amount, reserved: 0, usage: event.usage, tokens, turns, unknown: event.known ? 0 : 1 };
      requests.set(event.id, { ...request, spend });
    }
  }
  const all = [...requests.values()];
  return {
    total: sum(all),
    phases: Array.from(
      Map.groupBy(all, ({ phase }) => phase),
      ([phase, members]) => ({ phase, ...sum(members) }),
    ),
    agents: Array.from(
      Map.groupBy(all, ({ agent }) => agent),
      ([agent, members]) => ({ agent, ...sum(members) }),
    ),
  };
}

function sum(requests: readonly Request[]): Spend {
  let total = NO_SPEND;
  for (const { spend } of requests) {
    total = {
      spent: total.spent + spend.spent,
      reserved: total.reserved + spend.reserved,
      usage: addUsage(total.usage, spend.usage),
      tokens: total.tokens + spend.tokens,
      turns: total.turns + spend.turns,
      unknown: total.unknown + spend.unknown,
    };
  }
  return total;
}
