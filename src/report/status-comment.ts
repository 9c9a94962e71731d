import { nearLimits } from '../domain/allowance.ts';
import { dollars } from '../domain/budget.ts';
import { inGeneration } from '../domain/generation.ts';
import { PILOT_ANSWERED } from '../domain/pilot.ts';
import type { RunState } from '../domain/run-state.ts';
import { workedUntil } from '../domain/standing.ts';
import { amendmentList } from './amendments.ts';
import { ledgerLine, STATUS_WORDS } from './ledger.ts';
import { count, duration } from '../domain/amounts.ts';
import { code, details, line, paragraphs, plainLine, table } from './markdown.ts';

export interface StatusFacts {
  readonly run: string;
  readonly state: RunState;
  readonly pullRequest: { readonly number: number; readonly url: string } | null;
  readonly planUrl: string | null;
  readonly planHash: string | null;
  readonly inventory: number | null;
  readonly shards: number | null;
  readonly pageUrl: string | null;
  /** Questions that wait for a person: the script's, and the pilot's. */
  readonly questions: readonly { readonly gate: string; readonly text: string; readonly of: 'script' | 'pilot' }[];
  /** What every report says of how this Converge runs. */
  readonly caveats?: readonly string[];
  /** Limits of months of which four fifths are used, in words. */
  readonly months?: readonly string[];
}

const LOGS_SHOWN = 30;

/** The one comment that is edited in place: what happens now, how far it is, what it cost, what a person can do. */
export function statusComment(facts: StatusFacts): string {
  const { state } = facts;
  return paragraphs(
    `### ${headline(facts)}`,
    progress(facts),
    near(facts),
    caveatLines(facts.caveats),
    next(facts),
    amendmentList(state),
    state.census.phases.length === 0 ? null : details(`${count(state.census.total.started, 'agent')}, by phase`, census(state)),
    state.logs.length === 0
      ? null
      : details(
          `Log: ${plainLine(state.logs.at(-1)?.text ?? '', 120)}`,
          state.logs
            .slice(-LOGS_SHOWN)
            .map(({ at, text }) => `- \`${at.slice(11, 19)}\` ${line(text)}`)
            .join('\n'),
        ),
    `<sub>Converge run ${code(facts.run)} · asked by ${line(state.requester.login, 40)}${facts.pageUrl === null ? '' : ` · [run page](${facts.pageUrl})`} · \`/workflow status\` · \`/workflow help\`</sub>`,
  );
}

/** Told in every report, whatever the run is doing. */
export function caveatLines(caveats: readonly string[] = []): string | null {
  return caveats.length === 0 ? null : caveats.map((caveat) => `> ⚠️ ${line(caveat)}`).join('\n');
}

/** What the run is doing now, in words. */
export function stageOf(state: RunState, hash: string | null): string {
  if (isUndone(state)) return '↩️ Undone';
  if (state.end !== null) return STATUS_WORDS[state.end.status];
  if (state.held !== null && state.pause === null)
    return `⏸️ Pausing, as ${line(`@${state.held.by}`, 40)} asked: what the model is answering is finished and kept`;
  if (state.pause !== null) return `${STATUS_WORDS.paused}: ${line(state.pause.message, 400)}`;
  if (state.steps.has(inGeneration(state.generation, 'proved'))) return '📝 Writing the report';
  if (state.steps.has(inGeneration(state.generation, 'executed'))) return '🧪 Converging: one tree, one push, and CI';
  if (isApproved(state)) return inPilot(state) ? pilotStage(state) : '🛠️ Migrating';
  if (hash !== null) return '🖐️ Waiting for approval of the plan';
  return '🔎 Planning';
}

/** The approved plan has a pilot that nobody answered yet. */
function inPilot({ steps }: RunState): boolean {
  const planned = [...steps].findLast(([name]) => name.startsWith('plan#'))?.[1] ?? null;
  const plan = planned !== null && typeof planned === 'object' && 'plan' in planned ? planned.plan : null;
  return !steps.has(PILOT_ANSWERED) && plan !== null && typeof plan === 'object' && 'pilot' in plan;
}

function pilotStage({ effects }: RunState): string {
  return effects.has('pilot') ? '🖐️ The pilot is done: waiting for approval of the other shards' : '🧭 Pilot: a few shards go first';
}

/** Its pull request was closed and its branches deleted, or that is under way. */
function isUndone(state: RunState): boolean {
  return state.effects.has('undo/asked');
}

export function isApproved(state: RunState): boolean {
  const fresh = [...state.steps].findLast(([name]) => name.startsWith('fresh#'));
  return fresh !== undefined && fresh[1] !== null && typeof fresh[1] === 'object' && 'kind' in fresh[1] && fresh[1].kind === 'fresh';
}

function headline({ state, planHash }: StatusFacts): string {
  return stageOf(state, planHash);
}

function progress({ state, shards, inventory, pullRequest }: StatusFacts): string {
  const { spending, census, standing } = state;
  const seconds = (Date.parse(state.end?.at ?? state.lastEventAt) - Date.parse(state.startedAt)) / 1000;
  const accepted = state.accepted.length;
  const bar =
    shards === null || !isApproved(state)
      ? null
      : `\`${meter(accepted, state.leftOver.length, shards)}\` ${accepted} of ${count(shards, 'shard')} accepted${state.leftOver.length === 0 ? '' : `, ${state.leftOver.length} left over`}${state.dropped.length === 0 ? '' : `, ${state.dropped.length} dropped`}`;
  const facts = [
    state.end === null ? null : ledgerLine(state.end.ledger) || line(state.end.why),
    inventory === null || state.end !== null ? null : count(inventory, 'file'),
    `${dollars(spending.total.spent)} of ${dollars(standing.limits.budget)}`,
    census.total.started === 0 ? null : agentsText(census.total),
    duration(seconds),
    pullRequest === null ? null : `pull request #${pullRequest.number}`,
  ].filter((fact) => fact !== null && fact !== '');
  return paragraphs(bar, facts.join(' · '));
}

/** `12 agents (9 at work, 3 finished)`; of a run that ended well the number alone. */
function agentsText({ started, running, finished, failed }: RunState['census']['total']): string {
  const parts = [
    running === 0 ? null : `${running} at work`,
    finished === started ? null : `${finished} finished`,
    failed === 0 ? null : `${failed} failed`,
  ].filter((part) => part !== null);
  return `${count(started, 'agent')}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

/** Said while the run goes on; at the limit the headline says more. */
function near({ state, months = [] }: StatusFacts): string | null {
  if (state.status !== 'active') return null;
  const { total } = state.spending;
  const used = {
    dollars: total.spent,
    tokens: total.tokens,
    turns: total.turns,
    hours: workedUntil(state.standing, state.lastEventAt) / 3_600_000,
    agents: state.census.total.started,
  };
  const own = nearLimits(used, state.standing.limits);
  const all = [...own, ...months];
  if (all.length === 0) return null;
  const raise = own.length === 0 ? '' : ' `/workflow budget +$N` (or `+N tokens`, `turns`, `hours`, `agents`) raises a limit of the run.';
  return `> ⚠️ ${all.join(' and ')} used. At the limit the run pauses with its work.${raise}`;
}

/** Twenty places: done, left over, still to come. */
function meter(done: number, lost: number, all: number): string {
  const size = 20;
  const full = Math.round((done / Math.max(1, all)) * size);
  const gone = Math.min(size - full, Math.round((lost / Math.max(1, all)) * size));
  return '█'.repeat(full) + '▒'.repeat(gone) + '░'.repeat(size - full - gone);
}

function next({ state, planHash, planUrl, questions }: StatusFacts): string | null {
  if (state.end !== null)
    return `${line(state.end.why, 1000)}${state.leftOver.length === 0 || isUndone(state) ? '' : ' `/workflow retry` tries again what is left over.'}`;
  if (questions.length > 0) {
    return questions
      .map(
        ({ gate, text, of }) =>
          `> 🖐️ **${of === 'pilot' ? 'The other shards wait for a person:' : 'The script asks:'}** ${line(text, 2000)}\n> \`/workflow approve ${gate}\` for yes, \`/workflow revise ${gate} <text>\` for no.`,
      )
      .join('\n\n');
  }
  if (planHash !== null && !isApproved(state)) {
    const plan = planUrl === null ? 'the plan' : `[the plan](${planUrl})`;
    return `Read ${plan}, then \`/workflow approve ${planHash.slice(0, 12)}\`, \`/workflow revise <text>\` or \`/workflow stop\`.`;
  }
  return null;
}

/** By phase: started, at work, finished, failed and why. */
export function census(state: RunState): string {
  const rows = [...state.census.phases, { phase: '**all**', ...state.census.total }].map((phase) => [
    phase.phase === '**all**' ? phase.phase : line(phase.phase, 60) || '–',
    String(phase.started),
    String(phase.running),
    String(phase.finished),
    String(phase.failed),
    phase.causes.map(({ cause, count: times }) => `${times} × ${line(cause, 120)}`).join('<br>') || '–',
  ]);
  const head = ['Phase', 'Started', 'At work', 'Finished', 'Failed', 'Why'];
  const columns = state.census.total.causes.length === 0 ? head.length - 1 : head.length;
  return table(
    head.slice(0, columns),
    rows.map((row) => row.slice(0, columns)),
  );
}
