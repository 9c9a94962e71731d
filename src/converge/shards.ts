import type { Change } from '../domain/change.ts';
import { dropsOf, unwanted } from '../domain/drops.ts';
import type { StoredEvent } from '../domain/events.ts';
import { generationsOf, stands } from '../domain/generation.ts';
import type { Plan } from '../domain/plan.ts';
import { foldRun } from '../domain/run-state.ts';
import { needsOf, type Shard } from '../domain/shard.ts';
import type { Verdict } from '../domain/verdict.ts';
import type { Executed, House } from '../house.ts';
import type { SettledCall } from '../journal/journal.ts';
import { trusted } from '../journal/trusted.ts';

/** Primitives whose value is a change. */
const MAKES_CHANGE: ReadonlySet<string> = new Set(['migrate', 'revise', 'codemod']);

/** What one shard came to: all of its rounds, for reviews and the report. */
export interface ShardHistory {
  readonly shard: Shard;
  /** In the order in which they were made; the last is the shard's latest. */
  readonly changes: readonly Change[];
  /** In order; each names the change that it judged. */
  readonly verdicts: readonly Verdict[];
}

export interface AcceptedShard extends ShardHistory {
  readonly change: Change;
  readonly verdict: Verdict;
  /** When it was accepted: the date of its commit. */
  readonly at: string;
  /** Tree under its changes and under those they were laid on: the base's, or the branch's where it was returned. */
  readonly start: string;
  readonly returned: boolean;
}

export interface LeftOverShard extends ShardHistory {
  readonly reason: string;
  /** `unverified`: all that was missing is a verifier's answer. `not-started`: the run was stopped before. */
  readonly ending: 'left-over' | 'unverified' | 'not-started';
  /** Accepted once, then returned because it was in conflict with the branch. */
  readonly returned: boolean;
}

export interface SettledShards {
  /** In the order in which they converge: each after all that it needs. */
  readonly accepted: readonly AcceptedShard[];
  readonly leftOver: readonly LeftOverShard[];
  /** Taken out by people who may approve. */
  readonly dropped: readonly (ShardHistory & { readonly by: string })[];
}

/**
 * After the script has ended, every shard is accepted or left over with its reason; the reasons become events, once.
 * Everything is read from the journal: the script's own account is only used for shards that it says why it never started.
 */
export async function settleShards(house: House, plan: Plan, executed: Executed): Promise<SettledShards> {
  const settled = await readShards(house, plan, executed);
  // Of one that was returned, its second try has the last word.
  await tellLeftOver(
    house,
    settled.leftOver.filter((item) => !item.returned),
  );
  return settled;
}

/** Every shard as the journal has it now. */
export async function readShards(house: House, plan: Plan, executed: Executed): Promise<SettledShards> {
  const events = await house.journal.events(house.run);
  const { reopened } = generationsOf(events);
  const calls = (await house.journal.settled(house.run, 0)).filter(({ key }) => stands(reopened, key));
  const drops = dropsOf(events);
  const lostOf = ({ id }: Shard): string | null => (drops.delivered.has(id) ? null : unwanted(id, needsOf(plan.shards, id), drops.dropped));
  const words = lastWords(events, plan);
  const histories = plan.shards.map((shard) => historyOf(shard, calls));
  const kept = histories.filter(({ shard }) => !drops.dropped.has(shard.id));
  const accepted = kept.flatMap((history) => {
    const word = words.get(history.shard.id);
    const change = history.changes.find((candidate) => candidate.id === word?.accepted?.change);
    const verdict = history.verdicts.find((candidate) => candidate.id === word?.accepted?.verdict);
    if (word?.accepted == null || change === undefined || verdict === undefined || lostOf(history.shard) !== null) return [];
    return [{ ...history, change, verdict, at: word.accepted.at, start: word.start, returned: word.returned }];
  });
  const done = new Set(accepted.map(({ shard }) => shard.id));
  const { lostItems } = foldRun(events);
  const circumstances = { done, calls, executed, rounds: plan.limits.rounds, lostItems };
  const leftOver = kept
    .filter(({ shard }) => !done.has(shard.id))
    .map((history) => {
      const returned = words.get(history.shard.id)?.returned ?? false;
      return leftOverShard(history, { ...circumstances, lost: lostOf(history.shard), returned });
    });
  const dropped = histories.flatMap((history) => {
    const by = drops.dropped.get(history.shard.id);
    return by === undefined ? [] : [{ ...history, by }];
  });
  return { accepted: inOrder(accepted), leftOver, dropped };
}

/** Writes that these are left over, and why, once. */
export async function tellLeftOver(house: House, leftOver: readonly LeftOverShard[]): Promise<void> {
  const { leftOver: told } = foldRun(await house.journal.events(house.run));
  const known = new Set(told.map(({ shard }) => shard));
  const fresh = leftOver.filter(({ shard }) => !known.has(shard.id));
  await house.journal.append(
    house.run,
    fresh.map(({ shard, reason }) => ({ type: 'shard.left-over', shard: shard.id, reason })),
  );
}

/** The last word of the journal on a shard. */
interface LastWord {
  readonly accepted: { readonly change: string; readonly verdict: string; readonly at: string } | null;
  /** Tree that its changes start from. */
  readonly start: string;
  readonly returned: boolean;
}

function lastWords(events: readonly StoredEvent[], plan: Plan): ReadonlyMap<string, LastWord> {
  const words = new Map<string, LastWord>();
  const nothing: LastWord = { accepted: null, start: plan.base.tree, returned: false };
  for (const { at, event } of events) {
    if (event.type === 'shard.accepted')
      words.set(event.shard, { ...(words.get(event.shard) ?? nothing), accepted: { change: event.change, verdict: event.verdict, at } });
    if (event.type === 'shard.returned') words.set(event.shard, { accepted: null, start: event.tree, returned: true });
  }
  return words;
}

/** `calls`: those that stand. What was made of a change that does not stand any more is history too. */
function historyOf(shard: Shard, calls: readonly SettledCall[]): ShardHistory {
  const all = calls
    .flatMap(({ kind, outcome }) => (MAKES_CHANGE.has(kind) && outcome.kind === 'value' ? [trusted<Change>().parse(outcome.value)] : []))
    .filter((change) => change.shard === shard.id);
  const standing = new Set(all.flatMap(({ id, replaces }) => (replaces === null ? [id] : [])));
  // A call that was opened again may have settled after what was made of the same change before: so until nothing more is found.
  for (let before = -1; before !== standing.size;) {
    before = standing.size;
    for (const { id, replaces } of all) if (replaces !== null && standing.has(replaces)) standing.add(id);
  }
  const changes = all.filter(({ replaces }) => replaces === null || standing.has(replaces));
  const ids = new Set(changes.map((change) => change.id));
  const verdicts = calls
    .flatMap(({ kind, outcome }) => (kind === 'review' && outcome.kind === 'value' ? [trusted<Verdict>().parse(outcome.value)] : []))
    .filter((verdict) => ids.has(verdict.change));
  return { shard, changes, verdicts };
}

function leftOverShard(history: ShardHistory, circumstances: Circumstances): LeftOverShard {
  return { ...history, ...reasonOf(history, circumstances), returned: circumstances.returned };
}

interface Circumstances {
  readonly done: ReadonlySet<string>;
  readonly calls: readonly SettledCall[];
  readonly executed: Executed;
  readonly rounds: number;
  readonly lostItems: readonly string[];
  /** What it needs was dropped, in words; null while all of that is wanted. */
  readonly lost: string | null;
  readonly returned: boolean;
}

/** Whether its last verdict was the last that it could have, so that a stop took nothing from it. */
function isOver({ verdicts }: ShardHistory, calls: readonly SettledCall[], rounds: number): boolean {
  const last = verdicts.at(-1);
  if (last?.outcome === 'unverified')
    return verdicts.filter(({ change, outcome }) => change === last.change && outcome === 'unverified').length > 1;
  return last?.outcome === 'revise' && (verdicts.length >= rounds || unrevised(last, calls) !== null);
}

/** Why the change that was objected to could not be revised; null when it was, or was not tried. */
function unrevised(verdict: Verdict, calls: readonly SettledCall[]): string | null {
  const call = calls.findLast(
    ({ kind, input, outcome }) => kind === 'revise' && outcome.kind === 'null' && fieldOf(input, 'change') === verdict.change,
  );
  return call?.outcome.kind === 'null' ? call.outcome.cause : null;
}

function reasonOf(
  history: ShardHistory,
  { done, calls, executed, rounds, lostItems, lost }: Circumstances,
): Pick<LeftOverShard, 'reason' | 'ending'> {
  const ending = 'left-over';
  if (lost !== null) return { reason: lost, ending };
  const failure = calls.findLast((call) => call.outcome.kind === 'null' && shardOf(call) === history.shard.id);
  if (executed.kind === 'stopped' && failure === undefined && !isOver(history, calls, rounds))
    return history.changes.length === 0
      ? { reason: `the run was stopped by @${executed.by} before`, ending: 'not-started' }
      : { reason: `the run was stopped by @${executed.by} before it was accepted`, ending };
  const verdict = history.verdicts.at(-1);
  if (verdict !== undefined && verdict.outcome === 'unverified') {
    const silent = verdict.reviewers
      .filter((reviewer) => !reviewer.answered)
      .map((reviewer) => `${reviewer.lens}: ${reviewer.cause ?? 'no answer'}`);
    return { reason: `unverified, a reviewer did not answer (${silent.join('; ')})`, ending: 'unverified' };
  }
  if (verdict !== undefined && verdict.outcome === 'revise') return { reason: stillObjected(history, verdict, calls), ending };
  if (failure !== undefined && failure.outcome.kind === 'null') return { reason: failure.outcome.cause, ending };
  const missing = history.shard.after.filter((id) => !done.has(id));
  if (missing.length > 0) return { reason: `needs ${missing.map((id) => `\`${id}\``).join(', ')}, left over`, ending };
  if (executed.kind === 'failed') return { reason: `the script ended before: ${executed.message}`, ending };
  return { reason: `the script did not hand it to convergence${lostText(lostItems)}`, ending };
}

/** Which shard an item was for only the script knows. */
function lostText(lostItems: readonly string[]): string {
  const [first] = lostItems;
  return first === undefined ? '' : `; it lost items that threw, the first: ${first}`;
}

function stillObjected(history: ShardHistory, verdict: Verdict, calls: readonly SettledCall[]): string {
  const blocking = verdict.findings.filter((finding) => finding.severity === 'blocking');
  const rounds = history.verdicts.length;
  // Where gates objected no verifier was asked.
  const who =
    verdict.reviewers.length === 0
      ? `the gates refused it${rounds === 1 ? '' : `, ${rounds} times`}`
      : `after ${rounds === 1 ? 'a review' : `${rounds} reviews`} still`;
  const still = `${who}: ${blocking[0]?.claim ?? 'a gate failed'}${blocking.length > 1 ? ` (and ${blocking.length - 1} more)` : ''}`;
  const cause = unrevised(verdict, calls);
  return cause === null ? still : `${still.replace(/\.$/u, '')}; and it could not be revised: ${cause}`;
}

/** A text field of a call's own record. */
function fieldOf(input: SettledCall['input'], name: string): string | null {
  const fields = input !== null && typeof input === 'object' ? new Map<string, unknown>(Object.entries(input)) : new Map<string, unknown>();
  const value = fields.get(name);
  return typeof value === 'string' ? value : null;
}

/** The shard that a migrate call was for, by the call's own record. */
function shardOf({ kind, input }: SettledCall): string | null {
  return kind === 'migrate' ? fieldOf(input, 'shard') : null;
}

/** Each shard after those that it needs; among equals in the order of acceptance. */
function inOrder(accepted: readonly AcceptedShard[]): readonly AcceptedShard[] {
  const rest = [...accepted];
  const placed = new Set<string>();
  const ordered: AcceptedShard[] = [];
  const waiting = new Set(rest.map((item) => item.shard.id));
  while (rest.length > 0) {
    const at = Math.max(
      0,
      rest.findIndex((item) => item.shard.after.every((id) => placed.has(id) || !waiting.has(id))),
    );
    const [next] = rest.splice(at, 1);
    if (next === undefined) break;
    placed.add(next.shard.id);
    ordered.push(next);
  }
  return ordered;
}
