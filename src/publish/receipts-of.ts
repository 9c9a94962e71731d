import type { AcceptedShard, SettledShards, ShardHistory } from '../converge/shards.ts';
import type { Change } from '../domain/change.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Json } from '../domain/json.ts';
import type { RunState } from '../domain/run-state.ts';
import { trusted } from '../journal/trusted.ts';
import type { Receipt } from '../report/receipts.ts';

interface Record {
  readonly events: readonly StoredEvent[];
  readonly spending: RunState['spending'];
}

/** A receipt for each shard of a run, from its record: what its last word rests on, and what all tries for it cost, in whatever generation, returned or not. */
export function receiptsOf({ accepted, leftOver, dropped }: SettledShards, record: Record): readonly Receipt[] {
  const trail = trailOf(record.events);
  const costs = costsOf(trail, record.spending);
  const receipt = (
    history: ShardHistory,
    ending: Receipt['ending'],
    word: Partial<Pick<AcceptedShard, 'change' | 'verdict'>> = {},
  ): Receipt => {
    const change = word.change ?? history.changes.at(-1);
    const verdict = word.verdict ?? history.verdicts.at(-1);
    return {
      shard: history.shard.id,
      ending,
      maker: change === undefined ? null : (trail.makers.get(change.id) ?? null),
      gates: verdict?.gates ?? [],
      reviewers: verdict?.reviewers ?? [],
      verdict: verdict?.outcome ?? null,
      rounds: history.verdicts.length,
      cost: costs.get(history.shard.id) ?? 0,
    };
  };
  return [
    ...accepted.map((item) => receipt(item, 'accepted', item)),
    ...leftOver.map((item) => receipt(item, 'left over')),
    ...dropped.map((item) => receipt(item, 'dropped')),
  ];
}

/** Which calls were for which shard, and who made which change. */
interface Trail {
  /** By key of a call. */
  readonly shards: ReadonlyMap<string, string>;
  /** By id of a change. */
  readonly makers: ReadonlyMap<string, NonNullable<Receipt['maker']>>;
}

function trailOf(events: readonly StoredEvent[]): Trail {
  const issued = new Map<string, { readonly kind: string; readonly input: Json }>();
  const agents = new Map<string, NonNullable<Receipt['maker']>>();
  const shards = new Map<string, string>();
  const makers = new Map<string, NonNullable<Receipt['maker']>>();
  const changes = new Map<string, string>();
  for (const { event } of events) {
    if (event.type === 'agent.started') agents.set(event.agent, { model: event.model, prompt: event.prompt ?? null });
    if (event.type === 'call.issued') {
      issued.set(event.key, event);
      const shard = event.kind === 'migrate' ? textOf(event.input, 'shard') : changes.get(textOf(event.input, 'change') ?? '');
      if (shard !== undefined) shards.set(event.key, shard);
    }
    if (event.type !== 'call.settled' || event.outcome.kind !== 'value') continue;
    const kind = issued.get(event.key)?.kind;
    if (kind !== 'migrate' && kind !== 'revise') continue;
    const change = trusted<Change>().parse(event.outcome.value);
    changes.set(change.id, change.shard);
    const maker = agents.get(event.key);
    if (maker !== undefined) makers.set(change.id, maker);
  }
  return { shards, makers };
}

function costsOf({ shards }: Trail, { agents }: RunState['spending']): ReadonlyMap<string, number> {
  const costs = new Map<string, number>();
  for (const { agent, spent } of agents) {
    // Agents of a composite are named `call/child`.
    const shard = shards.get(agent) ?? shards.get(agent.split('/', 1)[0] ?? agent);
    if (shard !== undefined) costs.set(shard, (costs.get(shard) ?? 0) + spent);
  }
  return costs;
}

function textOf(input: Json, name: string): string | undefined {
  if (input === null || typeof input !== 'object') return undefined;
  const found: unknown = Object.entries(input).find(([key]) => key === name)?.[1];
  return typeof found === 'string' ? found : undefined;
}
