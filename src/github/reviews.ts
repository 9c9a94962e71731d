import { z } from 'zod';

import { clip } from './body.ts';
import type { EffectName } from './effects.ts';
import type { ReviewDraft } from './hub.ts';
import { isRefusal } from './refusal.ts';
import { endsWithMarker, isOurs, repositoryOf, type Site } from './site.ts';

const Posted = z.object({ id: z.number(), url: z.string() });

type InlineComment = ReviewDraft['comments'][number];

/** Above this many, GitHub has answered 502 or a secondary limit (facts/github.md §2). */
const MOST_INLINE = 30;

/**
 * Posts one review with event COMMENT: an author can neither approve nor refuse their own pull request. What GitHub does not take inline
 * (too many; one line outside of the diff refuses them all) is in the body instead, and nothing is lost.
 */
export function postReview(site: Site, name: EffectName, review: ReviewDraft): Promise<{ readonly id: number; readonly url: string }> {
  const { octokit, effects } = site;
  const at = { ...repositoryOf(site), pull_number: review.number };
  const marker = effects.marker(name);
  const create = async (inline: readonly InlineComment[], folded: readonly InlineComment[]): Promise<{ id: number; url: string }> => {
    const comments = inline.map(({ path, line, side, body }) => ({ path, line, side, body: clip(body) }));
    const body = `${clip(review.body + foldedText(folded))}\n\n${marker}`;
    const { data } = await octokit.rest.pulls.createReview({ ...at, commit_id: review.commit, event: 'COMMENT', body, comments });
    return { id: data.id, url: data.html_url };
  };
  return effects.once(name, {
    intent: { kind: 'review', number: review.number, commit: review.commit, owner: site.owner },
    schema: Posted,
    find: async () => {
      for await (const { data } of octokit.paginate.iterator(octokit.rest.pulls.listReviews, { ...at, per_page: 100 })) {
        for (const { id, html_url, user, body } of data) {
          if (endsWithMarker(body, marker) && (await isOurs(site, user))) return { id, url: html_url };
        }
      }
      return null;
    },
    act: async () => {
      try {
        return await create(review.comments.slice(0, MOST_INLINE), review.comments.slice(MOST_INLINE));
      } catch (thrown) {
        if (isRefusal(thrown, 422) && review.comments.length > 0) return create([], review.comments);
        throw thrown;
      }
    },
  });
}

function foldedText(comments: readonly InlineComment[]): string {
  if (comments.length === 0) return '';
  const items = comments.map(
    ({ path, line, side, body }) => `**\`${path}\`**, line ${line}${side === 'LEFT' ? ' before the change' : ''}\n\n${body}`,
  );
  return `\n\n### Not shown inline\n\n${items.join('\n\n')}`;
}
