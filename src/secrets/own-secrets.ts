/** Secrets that this process holds, found word for word in any text: raw, in JSON, in URLs, in hex, and in base64 wherever they begin in it. */
export interface OwnSecrets {
  /** `name` is told where the secret would have stood. Shorter ones than `LEAST` cannot be told from ordinary words: then false. */
  add(name: string, secret: string): boolean;
  /** A token that is worth nothing after an hour; only the newest are remembered. */
  addToken(name: string, token: string): void;
  find(text: string): readonly FoundSecret[];
}

/** A part of a text, and what it is in words. */
export interface FoundSecret {
  readonly what: string;
  readonly text: string;
}

const LEAST = 12;
const MOST_TOKENS = 100;

interface Kept {
  readonly name: string;
  readonly forms: readonly string[];
}

export function openOwnSecrets(): OwnSecrets {
  const kept = new Map<string, Kept>();
  const tokens = new Map<string, Kept>();
  return {
    add: (name, secret) => {
      if (secret.length < LEAST) return false;
      kept.set(secret, { name, forms: formsOf(secret) });
      return true;
    },
    addToken: (name, token) => {
      if (token.length < LEAST || tokens.has(token)) return;
      tokens.set(token, { name, forms: formsOf(token) });
      const [oldest] = tokens.keys();
      if (tokens.size > MOST_TOKENS && oldest !== undefined) tokens.delete(oldest);
    },
    find: (text) =>
      [...kept.values(), ...tokens.values()].flatMap(({ name, forms }) =>
        forms.flatMap((form) => (text.includes(form) ? [{ what: name, text: form }] : [])),
      ),
  };
}

/** A key of several lines is also looked for line by line: a part of it is enough to hurt. */
function formsOf(secret: string): readonly string[] {
  const lines = secret
    .split(/\r?\n|\\n/u)
    .map((line) => line.trim())
    .filter((line) => line.length >= 2 * LEAST && !line.startsWith('-----'));
  const pieces = lines.length > 1 ? [secret, lines.join(''), ...lines] : [secret];
  const inWords = pieces.flatMap((piece) => [
    piece,
    JSON.stringify(piece).slice(1, -1),
    encodeURIComponent(piece),
    Buffer.from(piece).toString('hex'),
  ]);
  return [...new Set([...inWords, ...pieces.flatMap(base64Of)])];
}

/** What stays the same of a secret's base64 whatever stands before and after it: one form for each of the three places where its first byte can fall. */
function base64Of(secret: string): readonly string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    const own = bytes.toString('base64').slice(Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6));
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}
