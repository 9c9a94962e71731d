import { foldRun } from '../domain/run-state.ts';
import { countEndings } from '../domain/ledger.ts';
import type { Json } from '../domain/json.ts';
import type { Journal } from '../journal/journal.ts';
import { isApproved, stageOf } from '../report/status-comment.ts';
import { viewOf } from '../publish/view.ts';

/** A run as data: what the run page says, for programs. Null when there is no such run. Dollars; seconds; tokens. */
export async function runFacts(journal: Journal, run: string): Promise<Json> {
  const events = await journal.events(run);
  if (events[0]?.event.type !== 'run.started') return null;
  const state = foldRun(events);
  const view = viewOf(state);
  const { total } = state.spending;
  const { usage } = total;
  return {
    run,
    stage: stageOf(state, view.plan?.hash ?? null).replaceAll(/[*_`]/gu, ''),
    status: state.end?.status ?? state.status,
    why: state.end?.why ?? state.pause?.message ?? null,
    planHash: view.plan?.hash ?? null,
    waitsForApproval: view.planComment !== null && state.end === null && !isApproved(state),
    pullRequest: view.pullRequest === null ? null : { number: view.pullRequest.number, url: view.pullRequest.url },
    checkRun: view.check?.id ?? null,
    inventory: view.plan?.inventory.length ?? null,
    shards: {
      all: view.plan?.shards.length ?? null,
      accepted: state.accepted.map(({ shard }) => shard),
      leftOver: state.leftOver.map(({ shard, reason }) => ({ shard, reason })),
    },
    ledger: state.end === null ? null : { ...countEndings(state.end.ledger) },
    agents: {
      started: state.census.total.started,
      running: state.census.total.running,
      finished: state.census.total.finished,
      failed: state.census.total.failed,
      peak: state.census.peak,
    },
    phases: state.census.phases.map(({ phase, started, running, finished, failed }) => ({ phase, started, running, finished, failed })),
    tokens: { input: usage.input, output: usage.output, cacheRead: usage.cacheRead, cacheWrite: usage.cacheWrite5m + usage.cacheWrite1h },
    dollars: total.spent / 1_000_000,
    seconds: (Date.parse(state.end?.at ?? state.lastEventAt) - Date.parse(state.startedAt)) / 1000,
    pushes: [...state.effects.keys()].filter((key) => key.startsWith('push/')).length,
    steps: Object.fromEntries([...state.steps].filter(([name]) => name.startsWith('proved')).map(([, proof]) => ['proved', proof])),
    log: state.logs.map(({ text }) => text),
  };
}
