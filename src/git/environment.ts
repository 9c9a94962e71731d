import { ConvergeError } from '../domain/errors.ts';

/** Where git and the programs it starts are looked up when the operator's configuration names no other place. */
export const DEFAULT_SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export type GitEnvironment = Readonly<Record<string, string>>;

/** A remote as git may reach it: one scheme, one origin. */
export interface RemoteAddress {
  readonly url: string;
  readonly scheme: 'https' | 'http' | 'file';
  /** `https://host:port`, or null for a path. */
  readonly origin: string | null;
}

/** What holds for every git of ours, whatever a repository or the machine configures (facts/sandbox.md §5). */
const HARDENING: readonly (readonly [string, string])[] = [
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['core.quotePath', 'false'],
  ['core.warnAmbiguousRefs', 'false'],
  // We hold that lock ourselves for a moment.
  ['core.packedRefsTimeout', '20000'],
  ['core.attributesFile', '/dev/null'],
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['submodule.recurse', 'false'],
  ['commit.gpgSign', 'false'],
  ['push.gpgSign', 'false'],
  ['credential.helper', ''],
  ['http.followRedirects', 'false'],
  ['protocol.allow', 'never'],
  ['transfer.fsckObjects', 'true'],
  // Packs arrive whole or not at all: a commit that is there has all its objects, whenever this process was killed.
  ['transfer.unpackLimit', '1'],
  // Harmless defects of old histories that GitHub accepts: refusing them would refuse the repository.
  ['fetch.fsck.zeroPaddedFilemode', 'ignore'],
  ['fetch.fsck.badTimezone', 'ignore'],
  ['fetch.fsck.missingSpaceBeforeDate', 'ignore'],
  ['fetch.fsck.missingSpaceBeforeEmail', 'ignore'],
];

/** Environment of git's plumbing: no protocol at all, so that a missing object is an error and never a fetch. */
export function plumbingEnvironment(searchPath: string): GitEnvironment {
  return environment(searchPath, 'none', HARDENING);
}

/** Environment of one fetch, push or ls-remote: the remote's scheme only, the token bound to its origin and in no argument or file. */
export function remoteEnvironment(searchPath: string, address: RemoteAddress, token: string | undefined): GitEnvironment {
  const settings: (readonly [string, string])[] = [
    ...HARDENING,
    [`protocol.${address.scheme}.allow`, 'always'],
    // A server that stalls ends the command instead of holding all later fetches.
    ['http.lowSpeedLimit', '1000'],
    ['http.lowSpeedTime', '60'],
  ];
  if (token !== undefined && address.origin !== null) {
    const credentials = Buffer.from(`x-access-token:${token}`).toString('base64');
    settings.push([`http.${address.origin}/.extraHeader`, `Authorization: Basic ${credentials}`]);
  }
  return environment(searchPath, address.scheme, settings);
}

function environment(searchPath: string, protocols: string, settings: readonly (readonly [string, string])[]): GitEnvironment {
  const numbered = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  return {
    PATH: searchPath,
    HOME: '/nonexistent',
    // English messages, and patterns that see characters instead of bytes.
    LC_ALL: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_ALLOW_PROTOCOL: protocols,
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(numbered),
  };
}

/** Reads a remote's address; anything but http, https and an absolute path or file: URL is a ConvergeError of kind `git`. */
export function parseRemote(url: string): RemoteAddress {
  if (url.startsWith('/')) return { url, scheme: 'file', origin: null };
  const parsed = URL.parse(url);
  if (parsed === null || !['https:', 'http:', 'file:'].includes(parsed.protocol)) {
    throw new ConvergeError('git', `The repository's address must be an https or http URL or an absolute path; found \`${url}\`.`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw new ConvergeError('git', "The repository's address holds credentials. Take them out: Converge uses the App's own token.");
  }
  if (parsed.protocol === 'file:') return { url, scheme: 'file', origin: null };
  return { url, scheme: parsed.protocol === 'https:' ? 'https' : 'http', origin: parsed.origin };
}
