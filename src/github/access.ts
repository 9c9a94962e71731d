import { z } from 'zod';

import type { Hub } from './hub.ts';
import { isRefusal } from './refusal.ts';
import { repositoryOf, type Site } from './site.ts';

const ROLES = z.enum(['admin', 'maintain', 'write', 'triage', 'read', 'none']);

/**
 * The person's live permission, never `author_association`, which shows members of private organisations as strangers (facts/github.md §7).
 * A custom role counts as the built-in one that GitHub maps it to.
 */
export async function permission(site: Site, login: string): ReturnType<Hub['permission']> {
  try {
    const { data } = await site.octokit.rest.repos.getCollaboratorPermissionLevel({ ...repositoryOf(site), username: login });
    const role = ROLES.safeParse(data.role_name);
    return role.success ? role.data : ROLES.parse(data.permission);
  } catch (thrown) {
    if (isRefusal(thrown, 404)) return 'none';
    throw thrown;
  }
}

const Installation = z.object({ token: z.string(), permissions: z.record(z.string(), z.string()).default({}) });

export async function grants(site: Site): Promise<Readonly<Record<string, string>>> {
  return Installation.parse(await site.octokit.auth({ type: 'installation' })).permissions;
}

/** Newly minted, since a cached one may end while git works; narrowed to the repository and to what a push, or a fetch, needs. */
export async function gitToken(site: Site, may: 'read' | 'write'): Promise<string> {
  const { workflows } = may === 'write' ? await grants(site) : {};
  const permissions = { contents: may, ...(workflows !== undefined && { workflows }) };
  const asked = { type: 'installation', repositoryNames: [site.repo], permissions, refresh: true };
  return Installation.parse(await site.octokit.auth(asked)).token;
}
