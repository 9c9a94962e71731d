import { lintSource } from '@secretlint/core';
import { rules } from '@secretlint/secretlint-rule-preset-recommend';
import type { FoundSecret } from './own-secrets.ts';

/** Without the rule by which a comment in the text switches all others off (facts/sandbox.md §6). */
const CONFIG = {
  rules: rules.filter((rule) => !rule.meta.id.includes('filter-comments')).map((rule) => ({ id: rule.meta.id, rule, options: {} })),
};

/** What the library does not know, or knows in one length only: GitHub's tokens have about 520 characters since 2026. */
const PATTERNS: readonly (readonly [string, RegExp])[] = [
  ['GitHub token', /\b(?:gh[pousr]_[A-Za-z0-9][A-Za-z0-9._-]{34,}[A-Za-z0-9]|github_pat_\w{22,})/gu],
  ['Anthropic key', /\bsk-ant-[a-z]+\d*-[\w-]{20,}/gu],
  ['JSON web token', /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}/gu],
  ['Google API key', /\bAIza[\w-]{35}(?![\w-])/gu],
  // Its end may be missing. The header alone is what programs compare with.
  [
    'private key',
    /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:(?:[\s"'+,]|\\[nr])*[A-Za-z0-9+/]{32,}=*)+(?:(?:[\s"'+,]|\\[nr])*[A-Za-z0-9+/=]{0,31}(?:[\s"'+,]|\\[nr])*-----END [A-Z0-9 ]+-----)?/gu,
  ],
];

/** Characters that are looked at together, and how many of them again with the next: a key is not longer. */
const PIECE = 1_000_000;
const OVERLAP = 16_000;

/** What looks like a secret by its form, whoever it belongs to. */
export async function findSecrets(text: string): Promise<readonly FoundSecret[]> {
  const found: FoundSecret[] = [];
  for (let at = 0; at === 0 || at < text.length - OVERLAP; at += PIECE - OVERLAP) {
    const piece = text.slice(at, at + PIECE);
    found.push(...findByPattern(piece), ...(await findByRules(piece)));
  }
  return found;
}

/** The part of it that needs no waiting, for logs. */
export function findByPattern(text: string): readonly FoundSecret[] {
  return PATTERNS.flatMap(([what, pattern]) => [...text.matchAll(pattern)].map(([match]) => ({ what, text: match })));
}

async function findByRules(content: string): Promise<readonly FoundSecret[]> {
  const { messages } = await lintSource({
    source: { content, filePath: 'text', ext: '', contentType: 'text' },
    options: { config: CONFIG, noPhysicFilePath: true },
  });
  return messages.flatMap(({ messageId, data, range: [start, end] }) => {
    // Ranges of some rules begin before the secret; what it is stands in the message's data, under a name in capitals.
    const named = Object.entries(data ?? {}).flatMap(([name, value]) =>
      typeof value === 'string' && name === name.toUpperCase() && content.includes(value) ? [value] : [],
    );
    const what = wordsOf(messageId);
    return (named.length > 0 ? named : [content.slice(start, end)]).map((text) => ({ what, text }));
  });
}

/** `AWSSecretAccessKey` and `GITHUB_TOKEN` in words. */
function wordsOf(id: string): string {
  return id.replaceAll('_', ' ').replaceAll(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/gu, ' ');
}
