import { z } from 'zod';

import { clip } from './body.ts';
import { ranked } from './client.ts';
import type { EffectName } from './effects.ts';
import type { PostedComment, Reaction, SaidComment } from './hub.ts';
import type { Rank } from './pace.ts';
import { isRefusal } from './refusal.ts';
import { endsWithMarker, isOurs, repositoryOf, type Site } from './site.ts';

const Posted = z.object({ id: z.number(), url: z.string() });
const Reacted = z.object({ id: z.number() });

export function postComment(
  site: Site,
  name: EffectName,
  post: { readonly number: number; readonly body: string },
): Promise<PostedComment> {
  const { octokit, effects } = site;
  const at = { ...repositoryOf(site), issue_number: post.number };
  const marker = effects.marker(name);
  return effects.once(name, {
    intent: { kind: 'comment', number: post.number, owner: site.owner },
    schema: Posted,
    find: async () => {
      for await (const { data } of octokit.paginate.iterator(octokit.rest.issues.listComments, { ...at, per_page: 100 })) {
        for (const { id, html_url, user, body } of data) {
          if (endsWithMarker(body, marker) && (await isOurs(site, user))) return { id, url: html_url };
        }
      }
      return null;
    },
    act: async () => {
      const { data } = await octokit.rest.issues.createComment({ ...at, ...ranked(rankOf(name)), body: `${clip(post.body)}\n\n${marker}` });
      return { id: data.id, url: data.html_url };
    },
  });
}

/** Scopes of what is answered to those who may not command: strangers must not use up what GitHub lets us say to others. */
export const TO_REFUSED = 'comment/refused/';

/** Comments of a run's plan and state are what people wait for; those that a run may as well leave out come last. */
function rankOf({ scope, key }: EffectName): Rank {
  if (scope.startsWith(TO_REFUSED)) return 'note';
  if (scope.startsWith('comment/')) return 'reply';
  return key === 'left-over' ? 'note' : 'status';
}

/** The mark stays, so that the comment is found again however often it was edited. */
export async function editComment(
  site: Site,
  name: EffectName,
  { comment, body }: { readonly comment: number; readonly body: string },
): Promise<void> {
  const marked = `${clip(body)}\n\n${site.effects.marker(name)}`;
  await site.octokit.rest.issues.updateComment({ ...repositoryOf(site), comment_id: comment, body: marked });
}

/** GitHub keeps one reaction of a kind for each account, so that nothing need be looked for: asking again gives the same one. */
export async function react(site: Site, scope: string, reaction: { readonly comment: number; readonly content: Reaction }): Promise<void> {
  const { comment, content } = reaction;
  await site.effects.once(
    { scope, key: `reaction/${comment}/${content}` },
    {
      intent: { kind: 'reaction', comment, content },
      schema: Reacted,
      find: 'idempotent',
      act: async () => {
        const rank: Rank = scope.startsWith(TO_REFUSED) ? 'note' : 'reply';
        const on = { ...repositoryOf(site), comment_id: comment };
        const { data } = await site.octokit.rest.reactions.createForIssueComment({ ...on, ...ranked(rank), content });
        return { id: data.id };
      },
    },
  );
}

/** Persons' own words alone: an edit need not be its author's, and bots and Apps command nothing (invariant 1). */
export async function said(site: Site, number: number, since: string): Promise<readonly SaidComment[]> {
  const { octokit } = site;
  const asked = { ...repositoryOf(site), issue_number: number, since, per_page: 100 };
  const all = await octokit.paginate(octokit.rest.issues.listComments, asked);
  return all.flatMap(({ id, body, user, created_at: at, updated_at: changed, performed_via_github_app: app }) =>
    user?.type === 'User' && at === changed && !app ? [{ id, body: body ?? '', author: { login: user.login, id: user.id }, at }] : [],
  );
}

export async function unedited(site: Site, comment: number): Promise<boolean> {
  try {
    const { data } = await site.octokit.rest.issues.getComment({ ...repositoryOf(site), comment_id: comment });
    return data.created_at === data.updated_at;
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return false;
    throw thrown;
  }
}
