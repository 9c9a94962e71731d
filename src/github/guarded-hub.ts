import type { Journal } from '../journal/journal.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import type { CheckRunDraft, Hub, ReviewDraft } from './hub.ts';

export interface GuardedHubOptions {
  readonly secrets: Pick<SecretGuard, 'withhold'>;
  /** Where it is told that something was withheld. */
  readonly journal: Pick<Journal, 'append'>;
}

/** The hub with a look at every text before it is posted: a secret in it is replaced by words that say so, and the run's record tells it, once for each place. */
export function guardedHub(hub: Hub, { secrets, journal }: GuardedHubOptions): Hub {
  const told = new Set<string>();
  const tell = async (scope: string, where: string, what: readonly string[]): Promise<void> => {
    const said = [scope, where, ...what].join('\n');
    if (what.length === 0 || told.has(said)) return;
    told.add(said);
    await journal.append(scope, [{ type: 'secret.withheld', where, what }]);
  };
  const openly =
    (scope: string, where: string) =>
    async (text: string): Promise<string> => {
      const withheld = await secrets.withhold(text);
      await tell(scope, where, withheld.what);
      return withheld.text;
    };
  const check = async (scope: string, draft: CheckRunDraft): Promise<CheckRunDraft> => {
    const open = openly(scope, 'check run');
    return { ...draft, title: await open(draft.title), summary: await open(draft.summary), text: await open(draft.text) };
  };
  const texts = async <Texts extends { readonly title: string; readonly body: string }>(scope: string, draft: Texts): Promise<Texts> => {
    const open = openly(scope, 'pull request');
    return { ...draft, title: await open(draft.title), body: await open(draft.body) };
  };
  return {
    ...hub,
    comment: async (scope, key, post) => hub.comment(scope, key, { ...post, body: await openly(scope, key)(post.body) }),
    editComment: async (scope, key, edit) => hub.editComment(scope, key, { ...edit, body: await openly(scope, key)(edit.body) }),
    openPullRequest: async (scope, key, draft) => hub.openPullRequest(scope, key, await texts(scope, draft)),
    updatePullRequest: async (scope, key, text) => hub.updatePullRequest(scope, key, await texts(scope, text)),
    review: async (scope, key, review) => hub.review(scope, key, await reviewed(review, openly(scope, key))),
    startCheckRun: async (scope, key, draft) => hub.startCheckRun(scope, key, await check(scope, draft)),
    updateCheckRun: async (scope, id, draft) => hub.updateCheckRun(scope, id, await check(scope, draft)),
  };
}

async function reviewed(review: ReviewDraft, open: (text: string) => Promise<string>): Promise<ReviewDraft> {
  const comments: ReviewDraft['comments'][number][] = [];
  for (const comment of review.comments) comments.push({ ...comment, body: await open(comment.body) });
  return { ...review, body: await open(review.body), comments };
}
