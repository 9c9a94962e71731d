import type { AgentTask, Agents, Submission } from '../agents/agent.ts';
import { FENCE_RULE, fenceCode, loadPrompt, renderPrompt } from '../agents/prompt.ts';
import type { Change } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Finding } from '../domain/finding.ts';
import { toJson } from '../domain/json.ts';
import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import { judge } from '../domain/verdict.ts';
import type { GateResult, Reviewer, Verdict } from '../domain/verdict.ts';
import type { Repository } from '../git/workspace.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import type { CallOutcome, Journal } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';
import { shardChecks } from './checks.ts';
import type { Checks } from './checks.ts';
import { diffText } from './diff-text.ts';
import { examineFinding } from './evidence.ts';
import type { Claimed } from './evidence.ts';
import type { FilePredicate, GateContext } from './gate.ts';
import { gateContext, runGates } from './gates.ts';
import type { GatesOutcome } from './gates.ts';
import { guideText } from './guide.ts';
import { lensText } from './lenses.ts';
import type { Seat } from './lenses.ts';
import { checksText, filesText, gatesText, workText } from './shard-text.ts';
import { verdictId } from './verdict-id.ts';
import { verifierAnswer } from './verifier-answer.ts';
import type { VerifierAnswer } from './verifier-answer.ts';

const RULES = loadPrompt(import.meta.url, './verifier.md');
const BRIEF = loadPrompt(import.meta.url, './review-brief.md');

/** Tries of one verifier's submission. */
const ATTEMPTS = 3;

export interface PanelPorts {
  readonly run: string;
  readonly plan: Plan;
  readonly journal: Journal;
  readonly repository: Repository;
  readonly agents: Agents;
  readonly checks: Checks;
  readonly predicate: FilePredicate;
  readonly secrets: SecretGuard;
  readonly signal: AbortSignal;
  /** Asked before an agent starts; throws Suspended when the run may start no more. */
  readonly admit: (agent: string) => Promise<void>;
}

export interface ReviewRequest {
  /** The call's key; child calls are journaled below it. */
  readonly key: string;
  readonly label: string;
  readonly phase: string;
  readonly change: Change;
  readonly shard: Shard;
  /** Tree that the change was made on. */
  readonly under: string;
  readonly seats: readonly Seat[];
  /** False: what could not be run is thrown, so that the call is tried again. True: it is told in the verdict, which is then `unverified`. */
  readonly last: boolean;
}

/**
 * One review: gates first, and only if none is red the verifiers, each in a context of its own. Every part is a journaled child call
 * (`<key>/gates`, `<key>/<lens>`), so that a kill inside repays nothing.
 * A verifier that died makes the verdict `unverified`, and so does a check that could not be run (invariant 6). Throws Suspended, and ConvergeErrors for transient faults.
 */
export async function reviewChange(request: ReviewRequest, ports: PanelPorts): Promise<Verdict> {
  const context = await gateContext(request, ports);
  const { gates, findings } = await passGates(request, context, ports);
  if (gates.some((gate) => gate.outcome === 'failed')) return verdictOf({ change: request.change.id, gates, reviewers: [], findings });
  const unknown = gates.filter((gate) => gate.outcome === 'unknown');
  if (unknown.length > 0) return verdictOf({ change: request.change.id, gates, reviewers: notAsked(request, unknown, ports), findings });
  const opinions = await settleAll(request.seats.map((seat) => askVerifier({ request, seat, context, gates }, ports)));
  const objections = dropEqual(opinions.flatMap((opinion) => opinion.findings));
  const reviewers = opinions.map((opinion) => opinion.reviewer);
  return verdictOf({ change: request.change.id, gates, reviewers, findings: [...findings, ...objections] });
}

function verdictOf(content: Omit<Verdict, 'id' | 'outcome'>): Verdict {
  const judged = { ...content, outcome: judge(content.gates, content.reviewers, content.findings) };
  return { id: verdictId(judged), ...judged };
}

/** Their answers could not make the change accepted: nobody pays for them. */
function notAsked({ seats }: ReviewRequest, unknown: readonly GateResult[], { plan }: PanelPorts): readonly Reviewer[] {
  const cause = `not asked, since ${unknown.map((gate) => `${gate.gate} ${gate.detail}`).join('; ')}`;
  return seats.map(({ name }) => ({ lens: name, answered: false, cause, model: plan.models.verifier.model }));
}

async function passGates(request: ReviewRequest, context: GateContext, ports: PanelPorts): Promise<GatesOutcome> {
  const outcome = await once({ request, child: 'gates', kind: 'gates' }, ports, async () => {
    const asked = await runGates(context);
    const unknown = asked.gates.find((gate) => gate.outcome === 'unknown');
    const red = asked.gates.some((gate) => gate.outcome === 'failed');
    if (unknown !== undefined && !red && !request.last) throw notNow(`The gate ${unknown.gate} ${unknown.detail}`);
    return { kind: 'value', value: toJson(asked) };
  });
  if (outcome.kind !== 'value') return { gates: [{ gate: 'gates', outcome: 'failed', detail: causeOf(outcome) }], findings: [] };
  return trusted<GatesOutcome>().parse(outcome.value);
}

function notNow(message: string): ConvergeError {
  return new ConvergeError('sandbox', message, { retry: 'later' });
}

/** A child call that is in the journal already is answered from it. */
async function once(
  call: { readonly request: ReviewRequest; readonly child: string; readonly kind: string },
  ports: PanelPorts,
  act: (key: string) => Promise<CallOutcome>,
): Promise<CallOutcome> {
  const key = `${call.request.key}/${call.child}`;
  const { phase, label, change } = call.request;
  const issued = { key, kind: call.kind, label: `${label}: ${call.child}`, phase, input: { change: change.id } };
  const [state] = await ports.journal.issue(ports.run, [issued]);
  if (state !== undefined && state.settled !== null) return state.settled.outcome;
  const outcome = await act(key);
  await ports.journal.settle(ports.run, key, outcome);
  return outcome;
}

function causeOf(outcome: Exclude<CallOutcome, { kind: 'value' }>): string {
  return outcome.kind === 'null' ? outcome.cause : outcome.message;
}

interface Sitting {
  readonly request: ReviewRequest;
  readonly seat: Seat;
  readonly context: GateContext;
  readonly gates: readonly GateResult[];
}

interface Opinion {
  readonly reviewer: Reviewer;
  readonly findings: readonly Finding[];
}

async function askVerifier(sitting: Sitting, ports: PanelPorts): Promise<Opinion> {
  const { seat, request } = sitting;
  const { model } = ports.plan.models.verifier;
  const outcome = await once({ request, child: seat.name, kind: 'verifier' }, ports, async (key) => {
    await ports.admit(key);
    const ended = await ports.agents.submit(verifierTask(key, sitting, ports), ports.signal);
    if (ended.ending !== 'done') return { kind: 'null', cause: ended.cause };
    return weighed(ended.answer.findings, sitting);
  });
  if (outcome.kind !== 'value') return { reviewer: { lens: seat.name, answered: false, cause: causeOf(outcome), model }, findings: [] };
  return {
    reviewer: { lens: seat.name, answered: true, cause: null, model },
    findings: trusted<readonly Finding[]>().parse(outcome.value),
  };
}

/** A verifier whose evidence could not be looked at has not answered: its finding neither stands nor falls. */
async function weighed(findings: VerifierAnswer['findings'], { request, context }: Sitting): Promise<CallOutcome> {
  try {
    const examined = await Promise.all(findings.map((finding) => examineFinding(finding, context)));
    return { kind: 'value', value: toJson(examined.map(({ finding }) => finding)) };
  } catch (error) {
    if (!isSandbox(error)) throw error;
    if (!request.last) throw notNow(error.message);
    return { kind: 'null', cause: `its evidence could not be looked at: ${error.message}` };
  }
}

function isSandbox(error: unknown): error is ConvergeError {
  return error instanceof ConvergeError && error.kind === 'sandbox';
}

type VerifierTask = AgentTask<VerifierAnswer> & { readonly submit: Submission<VerifierAnswer> };

function verifierTask(key: string, sitting: Sitting, ports: PanelPorts): VerifierTask {
  const { plan, run, repository } = ports;
  const { request, context, seat } = sitting;
  const offered = shardChecks(plan);
  return {
    id: key,
    run,
    role: 'verifier',
    label: `${request.label}: ${seat.name}`,
    phase: request.phase,
    ...plan.models.verifier,
    system: [`${RULES.trim()}\n\n${FENCE_RULE}`, guideText(plan)],
    brief: briefOf(sitting),
    workspace: context.after,
    tools: ['read', 'glob', 'grep', ...(offered.length > 0 ? (['check'] as const) : [])],
    mayWrite: () => ({ ok: false, reason: 'Verifiers read and judge; they change nothing.' }),
    checks: offered.map((check) => check.name),
    runCheck: async (name, overlay) => {
      const check = offered.find((one) => one.name === name);
      if (check === undefined) throw new TypeError(`no check ${name} was offered`);
      return ports.checks.run(check, await repository.layer(request.change.tree, [overlay]));
    },
    submit: submission(context),
    limits: { turns: plan.limits.turnsPerAgent, seconds: plan.limits.secondsPerAgent, budget: plan.limits.budgetPerAgent },
  };
}

/** Evidence that does not hold is told once, so that a misquoted line can be mended; after that, code makes notes of what still does not hold. */
function submission(context: GateContext): Submission<VerifierAnswer> {
  return {
    description:
      'Hands in your review and ends the conversation; call it once, last. If something is wrong with its form or its evidence, the result says what.',
    schema: verifierAnswer,
    attempts: ATTEMPTS,
    examine: async ({ findings }, before) => {
      if (before > 0) return [];
      const doubts = await Promise.all(findings.map((finding) => doubtOf(finding, context)));
      return doubts.flatMap((doubt, index) =>
        doubt === null
          ? []
          : [`findings[${index}] (${findings[index]?.path}): ${doubt}. Copy the exact line, or make it a note, or leave it out.`],
      );
    },
  };
}

/** What cannot be looked at now is looked at again, with patience, when the conversation has ended. */
async function doubtOf(finding: Claimed, context: GateContext): Promise<string | null> {
  try {
    return (await examineFinding(finding, context)).doubt;
  } catch (error) {
    if (isSandbox(error)) return null;
    throw error;
  }
}

function briefOf({ request, seat, context, gates }: Sitting): string {
  const { shard } = request;
  return renderPrompt(BRIEF, {
    shard: shard.id,
    files: filesText(context.plan, shard),
    work: workText(shard, 'verifier'),
    gates: gatesText(gates),
    checks: checksText(context.plan),
    diff: fenceCode('diff', diffText(context.diff)),
    lens: lensText(seat.lens).trim(),
  });
}

/** Waits for all, also when one failed: a sibling that is still writing must not outlive the call. */
async function settleAll<Value>(work: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** Two verifiers often see the same: one finding for each place and rule, the blocking one first. */
function dropEqual(findings: readonly Finding[]): readonly Finding[] {
  const places = new Map<string, Finding>();
  for (const finding of findings) {
    const place = `${finding.rule}\n${finding.path}\n${finding.side}\n${finding.line ?? finding.claim}`;
    const known = places.get(place);
    if (known === undefined || (known.severity === 'note' && finding.severity === 'blocking')) places.set(place, finding);
  }
  return [...places.values()];
}
