import { createPublicKey, randomBytes, verify } from 'node:crypto';
import { z } from 'zod';
import { Problem, notFound } from './problem.ts';
import type { Site } from './site.ts';
import type { Account, App, Installation, PermissionLevel, Permissions, Repository, State } from './state.ts';
import { findAccount, roleOf } from './state.ts';

/** Who calls. */
export type Caller =
  | { kind: 'anonymous' }
  | { kind: 'user'; account: Account }
  | { kind: 'app'; app: App }
  | { kind: 'installation'; installation: Installation; permissions: Permissions; repositoryIds: ReadonlySet<number>; account: Account };

/** A permission that an operation asks of an App, `issues:write`; write includes read. */
export type Grant = `${string}:${PermissionLevel}`;

/** What an operation on a repository asks: of an App any one of `app`, of a person at least the role `user`. */
export interface Access {
  readonly app: readonly Grant[];
  readonly user: 'read' | 'write' | 'admin';
}

const TOKEN_HOURS = 1;
const MAX_JWT_SECONDS = 600;

/** Who an `Authorization` header stands for. Ends in Problem 401 for what is unknown or expired, as GitHub does. */
export function identify(site: Site, header: string | undefined): Caller {
  if (header === undefined || header === '') return { kind: 'anonymous' };
  const [scheme = '', value = ''] = header.split(/\s+/, 2);
  if (/^basic$/i.test(scheme))
    return byToken(
      site,
      Buffer.from(value, 'base64')
        .toString('utf8')
        .replace(/^[^:]*:/, ''),
    );
  if (!/^(bearer|token)$/i.test(scheme)) throw new Problem(401, 'Bad credentials');
  return value.split('.').length === 3 && !value.startsWith('ghs_') ? byJwt(site, value) : byToken(site, value);
}

function byToken(site: Site, value: string): Caller {
  const token = site.state.tokens.get(value);
  if (!token) throw new Problem(401, 'Bad credentials');
  if (token.kind === 'user') return { kind: 'user', account: token.account };
  if (token.expiresAt <= site.clock()) throw new Problem(401, 'Bad credentials');
  const { installation, permissions, repositoryIds } = token;
  return { kind: 'installation', installation, permissions, repositoryIds, account: installation.app.bot };
}

const Claims = z.object({ iss: z.union([z.string(), z.number()]), iat: z.number(), exp: z.number() });

/** An App's JSON Web Token (RS256); the messages are those that @octokit/auth-app looks for when clocks differ. */
function byJwt(site: Site, value: string): Caller {
  const [head = '', body = '', signature = ''] = value.split('.');
  const claims = Claims.safeParse(parseJson(Buffer.from(body, 'base64url').toString('utf8')));
  if (!claims.success) throw new Problem(401, 'A JSON web token could not be decoded');
  const { iss, iat, exp } = claims.data;
  const app = [...site.state.apps.values()].find((one) => String(one.id) === String(iss) || clientId(one) === iss);
  if (!app?.publicKey) throw new Problem(404, 'Integration not found');
  const signed = verify('RSA-SHA256', Buffer.from(`${head}.${body}`), createPublicKey(app.publicKey), Buffer.from(signature, 'base64url'));
  if (!signed) throw new Problem(401, 'A JSON web token could not be decoded');
  const now = Math.floor(site.clock() / 1000);
  if (exp <= now || exp > now + MAX_JWT_SECONDS + 60) {
    const claim = "'Expiration time' claim ('exp')";
    throw new Problem(401, `${claim} must be a numeric value representing the future time at which the assertion expires`);
  }
  if (iat > now + 60) {
    throw new Problem(401, "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  }
  return { kind: 'app', app };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

export function clientId(app: { readonly id: number }): string {
  return `Iv1.${app.id.toString(16).padStart(16, '0')}`;
}

/** A new installation token in the format since 2026-04: `ghs_<app id>_<three parts>`, about 520 characters. */
export function mintInstallationToken(
  site: Site,
  installation: Installation,
  scope: { permissions: Permissions; repositoryIds: ReadonlySet<number> },
): { value: string; expiresAt: number } {
  const part = (bytes: number): string => randomBytes(bytes).toString('base64url');
  const value = `ghs_${installation.app.id}_${part(40)}.${part(90)}.${part(250)}`;
  const expiresAt = site.clock() + TOKEN_HOURS * 3_600_000;
  site.state.tokens.set(value, { kind: 'installation', installation, ...scope, expiresAt });
  return { value, expiresAt };
}

/** A personal token. */
export function mintUserToken(state: State, account: Account): string {
  const value = `ghp_${randomBytes(27).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
  state.tokens.set(value, { kind: 'user', account });
  return value;
}

/** Who the caller acts as: the person, or the App's bot. Ends in Problem 401 for nobody. */
export function actorOf(caller: Caller): Account {
  if (caller.kind === 'user' || caller.kind === 'installation') return caller.account;
  throw new Problem(401, caller.kind === 'app' ? 'A JSON web token could not be decoded' : 'Requires authentication');
}

/** The App in whose name an installation token writes. */
export function viaApp(caller: Caller): App | null {
  return caller.kind === 'installation' ? caller.installation.app : null;
}

const RANK = { none: 0, read: 1, triage: 1, write: 2, maintain: 2, admin: 3 } as const;

/** Whether the caller may; ends in GitHub's Problem when not: 404 for what the caller cannot even see, else 401 or 403. */
export function authorise(caller: Caller, repository: Repository, access: Access): void {
  const visible = canSee(caller, repository);
  if (!visible) throw notFound();
  const reads = access.user === 'read' && access.app.every((grant) => grant.endsWith(':read'));
  switch (caller.kind) {
    case 'anonymous':
      if (!reads) throw new Problem(401, 'Requires authentication');
      return;
    case 'app':
      throw new Problem(401, 'A JSON web token could not be decoded');
    case 'user':
      if (RANK[roleOf(repository, caller.account)] >= RANK[access.user]) return;
      throw new Problem(403, `Must have ${access.user} access to the repository ${repository.owner.login}/${repository.name}.`);
    case 'installation': {
      const covered = caller.repositoryIds.has(repository.id);
      if (covered ? holds(caller.permissions, access.app) : reads && !repository.private) return;
      throw new Problem(403, 'Resource not accessible by integration', {
        headers: { 'x-accepted-github-permissions': access.app.map((grant) => grant.replace(':', '=')).join('; ') },
      });
    }
  }
}

/** Whether the caller knows that the repository exists. */
export function canSee(caller: Caller, repository: Repository): boolean {
  if (!repository.private) return true;
  if (caller.kind === 'user') return roleOf(repository, caller.account) !== 'none';
  return caller.kind === 'installation' && caller.repositoryIds.has(repository.id);
}

/** Whether permissions hold any one of the grants; every App reads metadata. */
export function holds(permissions: Permissions, grants: readonly Grant[]): boolean {
  return grants.some((grant) => {
    const [name = '', level] = grant.split(':');
    if (name === 'metadata' && level === 'read') return true;
    const held = permissions[name];
    return held === 'write' || (held === 'read' && level === 'read');
  });
}

/** The account of a login; ends in Problem 404. */
export function accountNamed(state: State, login: string): Account {
  const account = findAccount(state, login);
  if (!account) throw notFound();
  return account;
}
