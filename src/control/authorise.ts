import { isAtLeast } from '../domain/permission.ts';
import type { Asked, Desk } from './desk.ts';

export type Authorised = { readonly kind: 'allowed'; readonly permission: string } | Refused;

/** `reply` is posted once, politely. */
export interface Refused {
  readonly kind: 'refused';
  readonly permission: string;
  readonly reply: string;
}

/**
 * Who may command: a person with write access now, by the live permission and never by author_association, in a repository of an account
 * that the operator lets spend (invariant 1). Bots and edits never get here (github/events.ts).
 */
export async function authorise(desk: Desk, asked: Asked): Promise<Authorised> {
  const permission = await desk.hubOf(asked).permission(asked.author.login);
  if (!isAtLeast(permission, 'write')) {
    return {
      kind: 'refused',
      permission,
      reply: `@${asked.author.login}, found ${permission === 'none' ? 'no' : permission} access to this repository, expected write access: only people who may write here command Converge. Ask somebody who may to write the command.`,
    };
  }
  if (!desk.allowed(asked)) {
    return {
      kind: 'refused',
      permission,
      reply: `Neither the account \`${asked.owner}\` nor the repository \`${asked.owner}/${asked.repo}\` is among those that the operator of this Converge lets spend. The operator adds one to \`ALLOWED_OWNERS\` or \`ALLOWED_REPOSITORIES\`, and to their policy if that has a list; nothing was started.`,
    };
  }
  return { kind: 'allowed', permission };
}
