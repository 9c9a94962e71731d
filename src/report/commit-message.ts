import type { Change } from '../domain/change.ts';
import type { Person } from '../domain/events.ts';
import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import { withoutHidden } from '../domain/hidden.ts';
import { clip } from './markdown.ts';

export interface CommitFacts {
  readonly run: string;
  readonly requester: Person;
  readonly plan: Plan;
  readonly shards: readonly { readonly shard: Shard; readonly change: Change }[];
}

/** One delivered commit's message: subject, what the agent did, and trailers that tell run, shards and who asked. */
export function commitMessage({ run, requester, plan, shards }: CommitFacts): string {
  const ids = shards.map(({ shard }) => shard.id);
  const what = ids.length === 1 ? ids[0] : `${ids.length} shards`;
  const subject = clip(`${oneLine(plan.draft.title)} (${what})`, 100);
  const body =
    shards.length === 1
      ? shards.map(({ change }) => plainWords(change.summary))
      : shards.map(({ shard, change }) => `${shard.id}: ${oneLine(change.summary)}`);
  const trailers = [
    `Converge-Run: ${run}`,
    ...ids.map((id) => `Converge-Shard: ${id}`),
    `Co-authored-by: ${requester.login} <${requester.id}+${requester.login}@users.noreply.github.com>`,
  ];
  return [subject, body.filter((text) => text !== '').join('\n'), trailers.join('\n')].filter((part) => part !== '').join('\n\n');
}

function oneLine(text: string): string {
  return plainWords(text).replaceAll(/\s+/gu, ' ').trim();
}

/** What GitHub reads as the wish that no workflow runs: https://docs.github.com/en/actions/managing-workflow-runs/skipping-workflow-runs */
const SKIP_MARK = /\[(?=\s*(?:skip[\s-]+ci|ci[\s-]+skip|no[\s-]+ci|skip[\s-]+actions|actions[\s-]+skip)\s*\])/giu;
const SKIP_TRAILER = /skip-checks(?=\s*:)/giu;

/** No mentions, no `Fixes #1`, no `[skip ci]`, no forged trailers: a commit message acts on GitHub too. To people it reads as before: what acts is broken by a space of no width. */
export function plainWords(text: string): string {
  return withoutHidden(clip(text.trim(), 2000))
    .text.replaceAll(/@(?=[\w-])/gu, '@\u200B')
    .replaceAll(/#(?=\d)/gu, '#\u200B')
    .replaceAll(/\b(GH-|issues\/|pull\/)(?=\d)/giu, '$1\u200B')
    .replaceAll(SKIP_MARK, '[\u200B')
    .replaceAll(SKIP_TRAILER, '$&\u200B')
    .replaceAll(/^(?=[A-Za-z][A-Za-z0-9-]*\s*:)/gmu, ' ');
}
