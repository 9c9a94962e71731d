import type { Asked, Desk } from './desk.ts';

export type Authorised =
  | { readonly kind: 'allowed'; readonly permission: 'admin' | 'maintain' | 'write' }
  /** `reply` is posted once, politely; null where even that would be noise. */
  | { readonly kind: 'refused'; readonly reply: string | null };

/**
 * Who may command: a person with write access now, by the live permission and never by author_association, in a repository of an account
 * that the operator lets spend (invariant 1). Bots and edits never get here (github/events.ts).
 */
export async function authorise(desk: Desk, asked: Asked): Promise<Authorised> {
  const permission = await desk.hubOf(asked).permission(asked.author.login);
  if (permission !== 'admin' && permission !== 'maintain' && permission !== 'write') {
    return {
      kind: 'refused',
      reply: `@${asked.author.login}, found ${permission === 'none' ? 'no' : permission} access to this repository, expected write access: only people who may write here command Converge. Ask somebody who may to write the command.`,
    };
  }
  if (!desk.allowedOwners.has(asked.owner.toLowerCase())) {
    return {
      kind: 'refused',
      reply: `The account \`${asked.owner}\` is not among those that the operator of this Converge lets spend. The operator adds it to \`ALLOWED_OWNERS\`; nothing was started.`,
    };
  }
  return { kind: 'allowed', permission };
}
