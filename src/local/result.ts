import { count, duration } from '../domain/amounts.ts';
import { z } from 'zod';
import type { RunFacts, Scene } from './scene.ts';

/** What a run came to, for programs: the form of `--json`. */
export interface RunResult {
  readonly status: string;
  readonly pullRequest: {
    readonly url: string;
    readonly number: number;
    readonly commits: number;
    readonly reviews: number;
    readonly body: string;
  } | null;
  readonly checkRun: { readonly conclusion: string | null } | null;
  readonly ci: { readonly base: unknown; readonly head: unknown } | null;
  readonly ledger: Readonly<Record<string, number>>;
  readonly agents: { readonly started: number; readonly finished: number; readonly failed: number; readonly peak: number };
  readonly tokens: { readonly input: number; readonly output: number; readonly cacheRead: number; readonly cacheWrite: number };
  readonly dollars: number;
  readonly seconds: number;
  readonly pushes: number;
  readonly githubWrites: number;
}

const Ci = z.object({ kind: z.string(), checks: z.array(z.object({ name: z.string(), conclusion: z.string() })).default([]) });
const Proof = z.object({ base: Ci, head: Ci }).nullable();

/** Read from GitHub as anybody could read it, and from the run page. */
export async function resultOf(scene: Scene, facts: RunFacts): Promise<RunResult> {
  const { pullRequest, checkRun } = facts;
  const seen = pullRequest === null ? null : await scene.person.pullRequest(pullRequest.number);
  const { started, finished, failed, peak } = facts.agents;
  const counts = await scene.counts();
  return {
    status: facts.status,
    pullRequest:
      pullRequest === null || seen === null
        ? null
        : { url: seen.url, number: pullRequest.number, commits: seen.commits, reviews: seen.reviews, body: seen.body },
    checkRun: checkRun === null ? null : await scene.person.checkRun(checkRun),
    ci: Proof.parse(facts.steps['proved'] ?? null),
    ledger: Object.fromEntries(Object.entries(facts.ledger ?? {}).filter(([, files]) => files > 0)),
    agents: { started, finished, failed, peak },
    tokens: facts.tokens,
    dollars: facts.dollars,
    seconds: facts.seconds,
    pushes: counts.pushes,
    githubWrites: counts.writes,
  };
}

/** The last words in the terminal: where the pull request is, CI before and after, the ledger, and how to look around. */
export function closing(facts: RunFacts, result: RunResult): string {
  const ledger = Object.entries(result.ledger).map(([ending, files]) => `    ${String(files).padStart(4)}  ${ending}`);
  const left = facts.shards.leftOver.map(({ shard, reason }) => `    ${shard}: ${reason}`);
  return [
    '',
    `  ${facts.stage}. ${facts.why ?? ''}`,
    '',
    ...(result.pullRequest === null
      ? []
      : [
          `  Pull request:  ${result.pullRequest.url}`,
          `                 ${count(result.pullRequest.commits, 'commit')}, ${count(result.pullRequest.reviews, 'review')}; check \`converge\`: ${result.checkRun?.conclusion ?? 'not there'}`,
        ]),
    ...(result.ci === null ? [] : [`  CI:            base ${ciWords(result.ci.base)} → head ${ciWords(result.ci.head)}`]),
    '  Ledger:',
    ...ledger,
    ...(left.length === 0 ? [] : ['  Left over, to be done by hand:', ...left]),
    `  Cost:          $${result.dollars.toFixed(2)}, ${count(result.agents.started, 'agent')} (${result.agents.peak} at once), ${count(result.pushes, 'push', 'pushes')}, ${duration(result.seconds)}`,
  ].join('\n');
}

function ciWords(ci: unknown): string {
  const { kind, checks } = Ci.parse(ci);
  if (kind !== 'finished') return kind;
  return checks.map(({ name, conclusion }) => `${name} ${conclusion}`).join(', ');
}
