import type { Octokit } from '@octokit/rest';
import { z } from 'zod';

import type { Effects } from './effects.ts';
import type { GitHubTimings } from './timings.ts';

/** One repository as our App sees it: what every room of this folder works with. */
export interface Site {
  readonly octokit: Octokit;
  readonly owner: string;
  readonly repo: string;
  readonly ownAppId: number;
  readonly effects: Effects;
  readonly timings: GitHubTimings;
  /** Aborts when this process stops. */
  readonly signal: AbortSignal;
  bot(): Promise<Bot>;
}

export interface Bot {
  readonly id: number;
  /** As in `converge[bot]`. */
  readonly name: string;
  /** Makes GitHub show commits as the App's (facts/github.md §11). */
  readonly email: string;
}

/** What names the repository in every request. */
export function repositoryOf(site: Site): { readonly owner: string; readonly repo: string } {
  return { owner: site.owner, repo: site.repo };
}

/** A lookup of the bot account that asks GitHub once; a failed one is asked again. */
export function botOf(octokit: Octokit): () => Promise<Bot> {
  let known: Promise<Bot> | undefined;
  return () => {
    known ??= askForBot(octokit).catch((thrown: unknown) => {
      known = undefined;
      throw thrown;
    });
    return known;
  };
}

const App = z.object({ slug: z.string() });

async function askForBot(octokit: Octokit): Promise<Bot> {
  const app = App.parse((await octokit.rest.apps.getAuthenticated()).data);
  const name = `${app.slug}[bot]`;
  const { data: account } = await octokit.rest.users.getByUsername({ username: name });
  const email = `${account.id}+${name}@users.noreply.${new URL(account.html_url).hostname}`;
  return { id: account.id, name, email };
}

/** True when this account is our App's: the only authors among whom effects are looked for. */
export async function isOurs(site: Site, author: { readonly id: number } | null | undefined): Promise<boolean> {
  return author?.id === (await site.bot()).id;
}

/** True when the text ends with the marker: a copy of it somewhere inside, as in a quote, is not ours. */
export function endsWithMarker(text: string | null | undefined, marker: string): boolean {
  return (text ?? '').trimEnd().endsWith(marker);
}
