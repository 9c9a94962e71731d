import { findByPattern, findSecrets } from './find-secrets.ts';
import type { FoundSecret, OwnSecrets } from './own-secrets.ts';

/** Stands before everything that leaves: posts, commits, pages, logs, prompts. */
export interface SecretGuard {
  /** Our own and what looks like anybody's, each once. */
  find(text: string): Promise<readonly FoundSecret[]>;
  /** For what people read. */
  withhold(text: string): Promise<Withheld>;
  /** At once, for logs: our own, and the forms that need no waiting. */
  withholdNow(text: string): Withheld;
  /** For prompts: our own alone. What stands in a repository's files is for its agents to work on. */
  withholdOwn(text: string): Withheld;
}

/** The text with a placeholder in the place of each secret, and what they were in words. */
export interface Withheld {
  readonly text: string;
  readonly what: readonly string[];
}

export function openSecretGuard(own: OwnSecrets): SecretGuard {
  const find = async (text: string): Promise<readonly FoundSecret[]> => once([...own.find(text), ...(await findSecrets(text))]);
  return {
    find,
    withhold: async (text) => {
      const bare = bared(text);
      const found = [...(await find(text)), ...(bare === null ? [] : await find(bare.text))];
      return replaced(text, once(found), bare);
    },
    withholdNow: (text) => replaced(text, once([...own.find(text), ...findByPattern(text)]), null),
    withholdOwn: (text) => replaced(text, own.find(text), null),
  };
}

function once(found: readonly FoundSecret[]): readonly FoundSecret[] {
  return [...new Map(found.toReversed().map((secret) => [secret.text, secret])).values()];
}

/** What Markdown shows: text that was defused still says the same to people. `from` has the place in the text of each character and of the end. */
interface Bared {
  readonly text: string;
  readonly from: readonly number[];
}

const DEFUSED = /\u200B|&(?<name>amp|lt|gt|#96);|\\(?=[!-/:-@[-`{-~])/gu;
const CHARACTERS: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', '#96': '`' };

/** Null where there is nothing to be bared. */
function bared(text: string): Bared | null {
  const from: number[] = [];
  let bare = '';
  let at = 0;
  const keep = (end: number): void => {
    bare += text.slice(at, end);
    for (; at < end; at += 1) from.push(at);
  };
  for (const match of text.matchAll(DEFUSED)) {
    keep(match.index);
    const character = CHARACTERS[match.groups?.['name'] ?? ''] ?? '';
    if (character !== '') from.push(at);
    bare += character;
    at = match.index + match[0].length;
  }
  if (at === 0) return null;
  keep(text.length);
  return { text: bare, from: [...from, text.length] };
}

interface Range {
  start: number;
  end: number;
  readonly what: string;
}

function replaced(text: string, found: readonly FoundSecret[], bare: Bared | null): Withheld {
  if (found.length === 0) return { text, what: [] };
  const ranges = found.flatMap((secret) => [
    ...placesOf(text, secret),
    ...(bare === null
      ? []
      : placesOf(bare.text, secret).map(({ start, end, what }) => ({
          start: bare.from[start] ?? 0,
          end: bare.from[end] ?? text.length,
          what,
        }))),
  ]);
  const apart: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    const last = apart.at(-1);
    if (last !== undefined && range.start < last.end) last.end = Math.max(last.end, range.end);
    else apart.push(range);
  }
  let shown = '';
  let at = 0;
  for (const { start, end, what } of apart) {
    shown += `${text.slice(at, start)}‹secret withheld: ${what}›`;
    at = end;
  }
  return { text: shown + text.slice(at), what: [...new Set(apart.map(({ what }) => what))] };
}

function placesOf(text: string, { what, text: secret }: FoundSecret): Range[] {
  const places: Range[] = [];
  for (let at = text.indexOf(secret); at !== -1; at = text.indexOf(secret, at + secret.length))
    places.push({ start: at, end: at + secret.length, what });
  return places;
}
