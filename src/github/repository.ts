import { z } from 'zod';

import type { IssueFacts, RepositoryFacts } from './hub.ts';
import { isRefusal } from './refusal.ts';
import { repositoryOf, type Site } from './site.ts';

export async function repositoryFacts(site: Site): Promise<RepositoryFacts> {
  const { data } = await site.octokit.rest.repos.get(repositoryOf(site));
  return { defaultBranch: data.default_branch, cloneUrl: data.clone_url, url: data.html_url, private: data.private };
}

/** Null for a branch that is not there; 409 is an empty repository's answer. */
export async function branchHead(site: Site, branch: string): Promise<string | null> {
  try {
    const { data } = await site.octokit.rest.git.getRef({ ...repositoryOf(site), ref: `heads/${branch}` });
    return data.object.sha;
  } catch (thrown) {
    if (isRefusal(thrown, 404, 409)) return null;
    throw thrown;
  }
}

const File = z.object({ type: z.literal('file'), encoding: z.string(), content: z.string() });

/** Null when there is no file at that path, whatever else there is. */
export async function file(site: Site, path: string, ref: string): Promise<string | null> {
  const at = { ...repositoryOf(site), path, ref };
  try {
    const { data } = await site.octokit.rest.repos.getContent(at);
    const found = File.safeParse(data);
    if (!found.success) return null;
    if (found.data.encoding === 'base64') return Buffer.from(found.data.content, 'base64').toString('utf8');
    // Above 1 MB the content comes only raw.
    const raw = await site.octokit.rest.repos.getContent({ ...at, mediaType: { format: 'raw' } });
    return z.string().parse(raw.data);
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return null;
    throw thrown;
  }
}

const Entries = z.array(z.object({ name: z.string(), type: z.string() }));

/** None when there is no directory at that path, whatever else there is. */
export async function filesIn(site: Site, directory: string, ref: string): Promise<readonly string[]> {
  try {
    const { data } = await site.octokit.rest.repos.getContent({ ...repositoryOf(site), path: directory, ref });
    const entries = Entries.safeParse(data);
    if (!entries.success) return [];
    return entries.data.flatMap(({ name, type }) => (type === 'file' ? [name] : [])).toSorted();
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return [];
    throw thrown;
  }
}

export async function issue(site: Site, number: number): Promise<IssueFacts> {
  const { data } = await site.octokit.rest.issues.get({ ...repositoryOf(site), issue_number: number });
  return { number, title: data.title, body: data.body ?? '', url: data.html_url, isPullRequest: data.pull_request !== undefined };
}
