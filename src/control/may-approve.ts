import type { Settings } from '../domain/run.ts';
import type { Asked, Desk } from './desk.ts';

const RANK = { write: 1, maintain: 2, admin: 3 } as const;

/** Why this person may not approve, in words; null when they may: by the approvers that were pinned when the run started, and their permission now. */
export async function mayNotApprove(
  desk: Desk,
  asked: Asked,
  { logins, permission: least }: Settings['approvers'],
): Promise<string | null> {
  const permission = await desk.hubOf(asked).permission(asked.author.login);
  const rank = permission === 'admin' || permission === 'maintain' || permission === 'write' ? RANK[permission] : 0;
  if (rank < RANK[least])
    return `Found ${permission} access, expected ${least}: this repository's \`.github/converge.yml\` lets only people with that access approve.`;
  const named = logins.length === 0 || logins.some((login) => login.toLowerCase() === asked.author.login.toLowerCase());
  return named
    ? null
    : `Found \`${asked.author.login}\`, expected one of the approvers that this repository's \`.github/converge.yml\` names: ${logins.map((login) => `\`${login}\``).join(', ')}.`;
}
