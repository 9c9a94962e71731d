import { z } from 'zod';

import { clip } from './body.ts';
import { ANY_MARKER, type EffectName } from './effects.ts';
import type { PostedPullRequest, PullRequestDraft, PullRequestFacts } from './hub.ts';
import { isRefusal } from './refusal.ts';
import { repositoryOf, type Site } from './site.ts';

const Posted = z.object({ number: z.number(), url: z.string() });

/** Opens a draft, or, where the repository's plan knows no drafts, a pull request that is ready. Found again by its mark, among ours on its head branch. */
export function openPullRequest(site: Site, name: EffectName, draft: PullRequestDraft): Promise<PostedPullRequest> {
  const { octokit, effects, owner } = site;
  const { title, head, base } = draft;
  const marker = effects.marker(name);
  return effects.once(name, {
    intent: { kind: 'pull-request', head, base, owner },
    schema: Posted,
    find: async () => {
      const { data } = await octokit.rest.pulls.list({
        ...repositoryOf(site),
        // Whatever its base is by now: a person may have changed it.
        head: `${owner}:${head}`,
        state: 'all',
        per_page: 100,
      });
      const { id: bot } = await site.bot();
      const ours = data.filter(({ user }) => user?.id === bot);
      // People write into the text of a pull request: the mark may stand anywhere in it. One that is open without any is this one, its text replaced: GitHub opens no other.
      const found =
        ours.find(({ body }) => body?.includes(marker)) ?? ours.find(({ body, state }) => state === 'open' && !body?.includes(ANY_MARKER));
      return found === undefined ? null : { number: found.number, url: found.html_url };
    },
    act: async () => {
      const create = async (isDraft: boolean): Promise<PostedPullRequest> => {
        const { data } = await octokit.rest.pulls.create({
          ...repositoryOf(site),
          title,
          head,
          base,
          body: marked(draft.body, marker),
          draft: isDraft,
        });
        return { number: data.number, url: data.html_url };
      };
      try {
        return await create(true);
      } catch (thrown) {
        if (isRefusal(thrown, 422) && /draft pull requests are not supported/iu.test(thrown.message)) return create(false);
        throw thrown;
      }
    },
  });
}

/** The mark stays, so that it is found again however often it was edited. */
export async function updatePullRequest(
  site: Site,
  name: EffectName,
  { number, title, body }: { readonly number: number; readonly title: string; readonly body: string },
): Promise<void> {
  const text = marked(body, site.effects.marker(name));
  await site.octokit.rest.pulls.update({ ...repositoryOf(site), pull_number: number, title, body: text });
}

function marked(body: string, marker: string): string {
  return `${clip(body)}\n\n${marker}`;
}

const Closed = z.object({ was: z.enum(['open', 'closed']) });

/** After an unknown outcome, one that is closed counts as closed by us: whoever else did it wanted the same. */
export function closePullRequest(site: Site, name: EffectName, number: number): Promise<{ readonly was: 'open' | 'closed' }> {
  return site.effects.once(name, {
    intent: { kind: 'close', number },
    schema: Closed,
    find: async () => ((await pullRequest(site, number)).state === 'closed' ? { was: 'open' as const } : null),
    act: async () => {
      const { state: was } = await pullRequest(site, number);
      if (was === 'open') await site.octokit.rest.pulls.update({ ...repositoryOf(site), pull_number: number, state: 'closed' });
      return { was };
    },
  });
}

const MARK_READY = `mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }`;

/** REST cannot end a draft; GraphQL can (facts/github.md §2). Done as well when somebody else was faster. */
export async function markReady(site: Site, number: number): Promise<void> {
  const { data } = await site.octokit.rest.pulls.get({ ...repositoryOf(site), pull_number: number });
  if (data.draft !== true) return;
  try {
    await site.octokit.graphql(MARK_READY, { id: data.node_id });
  } catch (thrown) {
    if ((await pullRequest(site, number)).draft) throw thrown;
  }
}

export async function pullRequest(site: Site, number: number): Promise<PullRequestFacts> {
  const { data } = await site.octokit.rest.pulls.get({ ...repositoryOf(site), pull_number: number });
  // GitHub gives null for the repository of a fork that was deleted, whatever its description says.
  const fork: { readonly full_name: string } | null = data.head.repo;
  return {
    number: data.number,
    url: data.html_url,
    draft: data.draft === true,
    state: data.state,
    merged: data.merged,
    head: { branch: data.head.ref, commit: data.head.sha, repository: fork?.full_name ?? null },
    base: { branch: data.base.ref },
  };
}
