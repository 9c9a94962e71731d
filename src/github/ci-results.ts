import type { CiResult } from '../domain/ci.ts';
import { type CiSnapshot, readCi, requiredChecks } from './ci-snapshot.ts';
import { pause } from './pause.ts';
import { GitHubRefusal } from './refusal.ts';
import type { Site } from './site.ts';

export interface CiQuestion {
  /** Pinned: whatever the branch does meanwhile, the answer is this commit's. */
  readonly commit: string;
  /** Branch whose rules say which checks must report. */
  readonly base: string;
  readonly signal: AbortSignal;
}

/**
 * Waits for a commit's real results, by the procedure of facts/github.md §8: nothing reported is indeterminate for a grace period, checks that are required and
 * missing are waited for, finished ones are looked at twice, and a deadline ends in `unknown`, never in success. Short outages of GitHub are sat out.
 */
export async function waitForCi(site: Site, question: CiQuestion): Promise<CiResult> {
  const { timings } = site;
  const { commit, signal } = question;
  const started = performance.now();
  let required: ReadonlySet<string> | undefined;
  let looks = 0;
  let last: Look = { kind: 'waiting', why: 'nothing has been read', snapshot: { finished: [], unfinished: [] } };
  for (;;) {
    try {
      required ??= await requiredChecks(site, question.base);
      last = judge(await readCi(site, commit), required);
    } catch (thrown) {
      if (!(thrown instanceof GitHubRefusal) || thrown.retry === 'never') throw thrown;
      last = { ...last, kind: 'waiting', why: thrown.message };
    }
    const elapsed = performance.now() - started;
    looks = last.kind === 'complete' ? looks + 1 : 0;
    if (last.kind === 'complete' && looks === 2) return { kind: 'finished', commit, checks: last.snapshot.finished };
    if (last.kind === 'silent' && elapsed >= timings.ciGraceMs) return { kind: 'none', commit };
    if (elapsed >= timings.ciDeadlineMs) return { kind: 'unknown', commit, why: late(last.why, elapsed), checks: last.snapshot.finished };
    await pause(last.kind === 'complete' ? timings.ciSettleMs : timings.ciPollMs, signal);
  }
}

interface Look {
  readonly kind: 'waiting' | 'silent' | 'complete';
  readonly why: string;
  readonly snapshot: CiSnapshot;
}

function judge(snapshot: CiSnapshot, required: ReadonlySet<string>): Look {
  const names = new Set([...snapshot.finished.map(({ name }) => name), ...snapshot.unfinished]);
  const missing = [...required].filter((name) => !names.has(name));
  if (snapshot.unfinished.length > 0) return { kind: 'waiting', why: `not finished: ${snapshot.unfinished.join(', ')}`, snapshot };
  if (missing.length > 0) return { kind: 'waiting', why: `required and never reported: ${missing.join(', ')}`, snapshot };
  if (names.size === 0) return { kind: 'silent', why: 'nothing reported', snapshot };
  return { kind: 'complete', why: 'finished a moment ago, and not looked at twice', snapshot };
}

function late(why: string, elapsed: number): string {
  return `After ${Math.round(elapsed / 60_000)} minutes of waiting: ${why}.`;
}
