import { z } from 'zod';
import { approvalGate } from '../domain/approval-gate.ts';
import { PILOT_ANSWERED, PILOT_CALL, project, STAND_IN, standInStep, type PilotFigure } from '../domain/pilot.ts';
import type { StoredEvent } from '../domain/events.ts';
import { inGeneration } from '../domain/generation.ts';
import type { Pilot, Plan } from '../domain/plan.ts';
import { foldRun } from '../domain/run-state.ts';
import type { Shard } from '../domain/shard.ts';
import type { House } from '../house.ts';
import type { CallOutcome } from '../journal/journal.ts';
import { answerTo, type GateAnswer } from '../primitives/approval.ts';
import { trusted } from '../journal/trusted.ts';
import { pilotComment, pilotQuestion } from '../report/pilot-comment.ts';
import type { Withhold } from '../script/calls.ts';
import { pilotFigures } from './pilot-figures.ts';
import { openQuestions } from './questions.ts';

/** A migrate() that waits. */
interface Waiting {
  readonly shard: string;
  readonly decide: (end: CallOutcome | null) => void;
  readonly fail: (thrown: unknown) => void;
}

/**
 * What `--pilot` holds back: migrate() of every inventory shard that is not in the pilot, until a person saw what the pilot came to and said yes. Undefined for a plan
 * without a pilot. All that is decided is in the journal, so that a run that is resumed goes on where it was.
 */
export async function openPilot(house: House, plan: Plan): Promise<Withhold | undefined> {
  if (plan.pilot === undefined) return undefined;
  const events = await house.journal.events(house.run);
  const { steps } = foldRun(events);
  const standIns = [...steps].flatMap(([name, result]) => (STAND_IN.test(name) ? trusted<readonly string[]>().parse(result) : []));
  return new PilotGate(house, { plan, pilot: plan.pilot, standIns, ...askedLast(events) });
}

interface LastAsked {
  /** Generation whose names its question, its answer and its report have. */
  readonly since: number;
  readonly answer: GateAnswer | null;
}

/** A retry of what a refusal left over asks again; a yes holds for good. */
function askedLast(events: readonly StoredEvent[]): LastAsked {
  let since = 1;
  let answer: GateAnswer | null = null;
  for (const { event } of events) {
    if (event.type === 'step.done' && event.step === inGeneration(since, PILOT_ANSWERED))
      answer = trusted<GateAnswer>().parse(event.result);
    if (event.type !== 'generation.opened' || answer?.approved !== false) continue;
    since = event.generation;
    answer = null;
  }
  return { since, answer };
}

interface PilotState extends LastAsked {
  readonly plan: Plan;
  readonly pilot: Pilot;
  readonly standIns: readonly string[];
}

interface Measured {
  readonly shard: Shard;
  readonly why: string;
}

const Input = z.object({ shard: z.string() });
const Handle = z.object({ id: z.string() });

class PilotGate implements Withhold {
  readonly #house: House;
  readonly #plan: Plan;
  readonly #pilot: Pilot;
  /** Shards that took the place of chosen ones, in order. */
  readonly #standIns: string[];
  readonly #waiting: Waiting[] = [];
  readonly #since: number;
  #answer: GateAnswer | null;
  #asked = false;

  constructor(house: House, { plan, pilot, standIns, since, answer }: PilotState) {
    this.#house = house;
    this.#since = since;
    this.#plan = plan;
    this.#pilot = pilot;
    this.#standIns = [...standIns];
    this.#answer = answer;
  }

  withholds({ kind, args }: Parameters<Withhold['withholds']>[0]): Promise<CallOutcome | null> | null {
    const handle = Handle.safeParse(args[0]);
    if ((kind !== 'migrate' && kind !== 'codemod') || !handle.success) return null;
    const { id } = handle.data;
    const shard = this.#plan.shards.find((one) => one.id === id);
    if (shard?.kind !== 'inventory' || this.#measured().some((one) => one.shard.id === id) || this.#pilot.needs.includes(id)) return null;
    if (this.#answer !== null) return this.#answer.approved ? null : Promise.resolve(leftOver(this.#answer));
    return new Promise((decide, fail) => {
      this.#waiting.push({ shard: id, decide, fail });
    });
  }

  /** Nothing moves any more: the pilot has come to its end, or the script does not reach it before others. */
  async idle(): Promise<void> {
    if (this.#asked) return;
    const missing = this.#pilot.shards.length - (await this.#reached());
    if (missing <= 0) {
      this.#asked = true;
      await this.#ask();
      return;
    }
    // The answer to a question of the script may lead to them.
    if ((await openQuestions(this.#house.journal, this.#house.run)).length === 0) await this.#standIn(missing);
  }

  /** Shards that the pilot measures, with the reason of each. */
  #measured(): readonly Measured[] {
    const chosen = [
      ...this.#pilot.shards,
      ...this.#standIns.map((shard) => ({ shard, why: 'in place of a chosen one: the script came to it first' })),
    ];
    return chosen.flatMap(({ shard: id, why }) => {
      const shard = this.#plan.shards.find((one) => one.id === id);
      return shard === undefined ? [] : [{ shard, why }];
    });
  }

  /** How many of them the script has begun. */
  async #reached(): Promise<number> {
    return (await this.#begun()).length;
  }

  async #begun(): Promise<readonly Measured[]> {
    const calls = await this.#house.journal.calls(this.#house.run);
    const begun = new Set(calls.flatMap(({ kind, input }) => (kind === 'migrate' ? [Input.safeParse(input).data?.shard] : [])));
    return this.#measured().filter(({ shard }) => begun.has(shard.id));
  }

  /** Those that the script came to first, else everything would wait for ever. */
  async #standIn(missing: number): Promise<void> {
    const shards = [...new Set(this.#waiting.map(({ shard }) => shard))].slice(0, missing);
    const text = `Pilot: ${shards.join(', ')} ${shards.length === 1 ? 'stands' : 'stand'} in, since the script comes to ${shards.length === 1 ? 'it' : 'them'} before the chosen ones.`;
    await this.#house.journal.append(this.#house.run, [
      { type: 'step.done', step: standInStep(this.#standIns.length + 1), result: shards },
      { type: 'log', text },
    ]);
    this.#standIns.push(...shards);
    this.#decide((shard) => shards.includes(shard), null);
  }

  async #ask(): Promise<void> {
    const { run, journal, hub, place } = this.#house;
    const events = await journal.events(run);
    const figures = pilotFigures(events, await this.#begun());
    const rest = project(figures, this.#rest(figures));
    const { spending, standing } = foldRun(events);
    const question = pilotQuestion({ figures, rest });
    const key = inGeneration(this.#since, PILOT_CALL);
    await journal.issue(run, [{ key, kind: 'approval', label: 'pilot', phase: '', input: { question } }]);
    const facts = { figures, rest, spent: spending.total.spent, limit: standing.limits.budget, gate: approvalGate(key) };
    await hub.comment(run, inGeneration(this.#since, 'pilot'), { number: place.number, body: pilotComment(facts) });
    void this.#await();
  }

  #rest(figures: readonly PilotFigure[]): { readonly shards: number; readonly files: number; readonly atOnce: number } {
    const known = new Set([...figures.map(({ shard }) => shard), ...this.#pilot.needs]);
    const rest = this.#plan.shards.filter((shard) => shard.kind === 'inventory' && !known.has(shard.id));
    return {
      shards: rest.length,
      files: rest.reduce((sum, shard) => sum + shard.files.length, 0),
      // A shard that is being reviewed holds a place for each verifier.
      atOnce: Math.max(1, Math.floor(this.#plan.limits.concurrency / this.#plan.limits.reviewers)),
    };
  }

  /** Never rejects: what goes wrong reaches the calls that wait. */
  async #await(): Promise<void> {
    try {
      const key = inGeneration(this.#since, PILOT_CALL);
      const answer = await answerTo(key, this.#house);
      const { run, journal } = this.#house;
      const step = inGeneration(this.#since, PILOT_ANSWERED);
      if ((await journal.doneStep(run, step)) === undefined)
        await journal.append(run, [
          { type: 'step.done', step, result: { ...answer } },
          { type: 'log', text: answerText(answer) },
        ]);
      await journal.settle(run, key, { kind: 'value', value: { ...answer } });
      this.#answer = answer;
      this.#decide(() => true, answer.approved ? null : leftOver(answer));
    } catch (thrown) {
      for (const { fail } of this.#waiting.splice(0)) fail(thrown);
    }
  }

  #decide(which: (shard: string) => boolean, end: CallOutcome | null): void {
    const decided = this.#waiting.filter(({ shard }) => which(shard));
    const rest = this.#waiting.filter(({ shard }) => !which(shard));
    this.#waiting.splice(0, this.#waiting.length, ...rest);
    for (const { decide } of decided) decide(end);
  }
}

function answerText({ approved, by, text }: GateAnswer): string {
  return approved
    ? `Pilot approved by @${by}: the other shards are migrated.`
    : `Pilot not approved by @${by}: the other shards are left over.${text === '' ? '' : ` ${text}`}`;
}

function leftOver({ by, text }: GateAnswer): CallOutcome {
  return { kind: 'null', cause: `not started: @${by} did not approve the pilot${text === '' ? '' : `: ${text}`}` };
}
