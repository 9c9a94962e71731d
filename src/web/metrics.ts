import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { MEASURES, type AccountLimits, type Balance } from '../domain/account.ts';
import { HOUR, MICRO } from '../domain/budget.ts';
import { foldRun } from '../domain/run-state.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Journal } from '../journal/journal.ts';
import type { Hook } from './hook.ts';

export interface MetricsParts {
  readonly journal: Journal;
  readonly hook: Pick<Hook, 'counts'>;
  /** The operator's switch: null when Converge may spend. */
  readonly off: () => object | null;
  /** This month of all runs. */
  readonly month: () => Promise<{ readonly limits: AccountLimits; readonly balance: Pick<Balance, 'spent' | 'reserved'> }>;
}

export interface Metrics {
  /** In Prometheus' text format. */
  text(): Promise<string>;
  readonly contentType: string;
  close(): void;
}

/** Names of runs, repositories and people are in no label: metrics go where run pages do not. */
export function openMetrics(parts: MetricsParts): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'converge_' });
  const unwatch = countEvents(parts.journal, registry);
  gauges(parts, registry);
  return { contentType: registry.contentType, text: () => registry.metrics(), close: unwatch };
}

/** What this process saw written since it started. */
function countEvents(journal: Journal, register: Registry): () => void {
  const counter = <Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> =>
    new Counter({ name: `converge_${name}_total`, help, labelNames: [...labelNames], registers: [register] });
  const runs = counter('runs', 'Runs that began, and that ended by their status.', ['status']);
  const agents = counter('agents', 'Agents that ended, by role and ending.', ['role', 'ending']);
  const requests = counter('model_requests', 'Requests to the model that were charged.', ['model']);
  const dollars = counter('model_dollars', 'Dollars that requests to the model cost.', ['model']);
  const tokens = counter('model_tokens', 'Tokens of requests to the model.', ['model', 'kind']);
  const effects = counter('effects', 'Creations on GitHub: intended and done.', ['state']);
  const pauses = counter('pauses', 'Pauses of runs by reason.', ['reason']);
  const shards = counter('shards', 'Shards that were accepted or left over.', ['ending']);
  const models = new Map<string, string>();
  const roles = new Map<string, string>();
  return journal.watch(null, ({ scope, event }: StoredEvent) => {
    if (event.type === 'run.started') runs.inc({ status: 'started' });
    if (event.type === 'run.ended') runs.inc({ status: event.status });
    if (event.type === 'run.paused') pauses.inc({ reason: event.reason });
    if (event.type === 'agent.started') roles.set(`${scope} ${event.agent}`, event.role);
    if (event.type === 'agent.ended') {
      agents.inc({ role: roles.get(`${scope} ${event.agent}`) ?? 'unknown', ending: event.ending });
      roles.delete(`${scope} ${event.agent}`);
    }
    if (event.type === 'effect.intended') effects.inc({ state: 'intended' });
    if (event.type === 'effect.done') effects.inc({ state: 'done' });
    if (event.type === 'shard.accepted') shards.inc({ ending: 'accepted' });
    if (event.type === 'shard.left-over') shards.inc({ ending: 'left_over' });
    if (event.type === 'spend.reserved') models.set(event.id, event.model);
    if (event.type === 'spend.charged') {
      const model = models.get(event.id) ?? 'unknown';
      models.delete(event.id);
      const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = event.usage;
      requests.inc({ model });
      dollars.inc({ model }, event.amount / MICRO);
      for (const [kind, count] of Object.entries({ input, output, cache_read: cacheRead, cache_write: cacheWrite5m + cacheWrite1h }))
        tokens.inc({ model, kind }, count);
    }
  });
}

/** What is so now: asked of the journal when somebody looks. */
function gauges({ journal, hook, off, month }: MetricsParts, register: Registry): void {
  const gauge = (
    [name, help]: readonly [string, string],
    labels: readonly string[],
    collect: (own: Gauge) => Promise<void> | void,
  ): Gauge =>
    new Gauge({
      name: `converge_${name}`,
      help,
      labelNames: [...labels],
      registers: [register],
      async collect() {
        this.reset();
        await collect(this);
      },
    });
  gauge(['runs_unfinished', 'Runs that have not ended, by status.'], ['status'], async (own) => {
    for (const run of await journal.unfinished()) own.inc({ status: foldRun(await journal.events(run)).status });
  });
  gauge(['commands_waiting', 'Comments that were recorded and are not carried out yet.'], [], async (own) =>
    own.set((await journal.received()).length),
  );
  gauge(['model_requests_in_flight', 'Requests to the model that are reserved and not charged.'], [], async (own) =>
    own.set((await journal.openReservations(null)).length),
  );
  for (const measure of MEASURES) {
    const help = `All runs this month: ${measure} spent, reserved, and the limit where there is one.`;
    const unit = measure === 'dollars' ? MICRO : measure === 'hours' ? HOUR : 1;
    gauge([`month_${measure}`, help], ['kind'], async (own) => {
      const { limits, balance } = await month();
      own.set({ kind: 'spent' }, balance.spent[measure] / unit);
      own.set({ kind: 'reserved' }, balance.reserved[measure] / unit);
      const limit = limits[measure];
      if (limit !== undefined) own.set({ kind: 'limit' }, limit / unit);
    });
  }
  gauge(['switched_off', '1 while the operator has switched Converge off, else 0.'], [], (own) => own.set(off() === null ? 0 : 1));
  gauge(['webhooks', 'Deliveries since the start: taken, refused in a flood, too large.'], ['state'], (own) => {
    for (const [state, count] of Object.entries(hook.counts())) own.set({ state }, count);
  });
}
