import { isAtLeast, stricter, type Permission } from '../domain/permission.ts';
import type { RunState } from '../domain/run-state.ts';
import { strictest } from '../domain/operator-limits.ts';
import type { RepositoryConfiguration } from '../domain/repository-configuration.ts';
import type { Asked, Desk } from './desk.ts';

/**
 * Why this person may not approve, or amend what was approved; null when they may: by the approvers that were pinned when the run started, the operator's policy now, and the
 * person's permission now. Where another than who asked for the run, or had its plan made anew, has to, that is by the account's number, which stays when it is renamed.
 */
export async function mayNotApprove(
  desk: Desk,
  asked: Asked,
  { settings, requester, signals }: Pick<RunState, 'settings' | 'requester' | 'signals'>,
): Promise<string | null> {
  const approvers = strictest(desk.operator.approvers, settings.approvers);
  const refused = await mayNot(desk, asked, { ...approvers, what: 'approve' });
  if (refused !== null || !approvers.otherThanRequester) return refused;
  const { id, login } = asked.author;
  if (id !== requester.id && !signals.some(({ account }) => account === id)) return null;
  const part = id === requester.id ? 'who asked for this run' : 'whose words this plan was made of';
  return `Found \`${login}\`, ${part}; expected somebody else: ${desk.operator.approvers.otherThanRequester ? 'the operator of this Converge' : "this repository's `.github/converge.yml`"} lets nobody approve, or change, what they asked for themselves.`;
}

/** The same of taking a run back: that is for approvers, and for who asked for it among them. */
export function mayNotUndo(desk: Desk, asked: Asked, { settings }: Pick<RunState, 'settings'>): Promise<string | null> {
  return mayNot(desk, asked, { ...strictest(desk.operator.approvers, settings.approvers), what: 'approve' });
}

/** The same of starting a run. */
export function mayNotStart(desk: Desk, asked: Asked, { requesters }: RepositoryConfiguration): Promise<string | null> {
  const permission = stricter(desk.operator.requesters.permission, requesters.permission);
  return mayNot(desk, asked, { logins: requesters.logins, permission, what: 'start a run' });
}

interface Demand {
  readonly logins: readonly string[];
  readonly permission: Permission;
  readonly what: string;
}

async function mayNot(desk: Desk, asked: Asked, { logins, permission: least, what }: Demand): Promise<string | null> {
  const permission = await desk.hubOf(asked).permission(asked.author.login);
  if (!isAtLeast(permission, least))
    return `Found ${permission} access, expected ${least}: only people with that access ${what} here, as this repository's \`.github/converge.yml\` or the operator of this Converge says.`;
  const named = logins.length === 0 || logins.some((login) => login.toLowerCase() === asked.author.login.toLowerCase());
  return named
    ? null
    : `Found \`${asked.author.login}\`, expected one of those whom this repository's \`.github/converge.yml\` names to ${what}: ${logins.map((login) => `\`${login}\``).join(', ')}.`;
}
