import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { prose } from '../../src/report/markdown.ts';
import { AWS_KEY, GITHUB_TOKEN, guardOf, OWN } from './support.ts';

const guard = guardOf({ 'key of the model': OWN });

/** Put together, so that none stands here. */
const SECRETS: readonly (readonly [string, string])[] = [
  ['a GitHub token', GITHUB_TOKEN],
  ['a GitHub token of 2026, with dots', `ghs_${'1'.repeat(6)}_${'eyJhbGciOi.'.repeat(40)}abc`],
  ['a fine-grained GitHub token', `github_pat_${'11ABCDEFG0'.repeat(8)}`],
  ['an Anthropic key', `sk-ant-api03-${'x'.repeat(93)}AA`],
  ['an Anthropic token of a person', `sk-ant-oat01-${'Ab1_'.repeat(20)}`],
  ['a JSON web token', ['eyJhbGciOiJIUzI1NiJ9', 'eyJzdWIiOiIxMjM0In0', 'c2lnbmF0dXJlLW9mLWl0'].join('.')],
  ['a Google key', ['AIza', 'Sy1234567890abcdefghijklmnopqrstuvw'].join('')],
  ['an npm token', `npm_${'a1'.repeat(18)}`],
  ['a Slack token', ['xoxb', '123456789012', '1234567890123', 'AbCdEfGhIjKlMnOpQrStUvWx'].join('-')],
  ['a Stripe key', `sk_live_${'a1B2'.repeat(6)}`],
  ['a database URL', ['postgres://bob', 's3cretPassw0rd@db.prod.internal/x'].join(':')],
  ['a private key', `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEpAIBAAKCAQEA'.repeat(4)}\n${'c'.repeat(64)}\n-----END RSA PRIVATE KEY-----`],
  ['a private key without its end', `-----BEGIN PRIVATE KEY-----\\n${'MIIEpAIBAAKCAQEA'.repeat(4)}`],
  ['our own', OWN],
];

test.each(SECRETS)('%s is withheld, and the text says so', async (_what, secret) => {
  const { text, what } = await guard.withhold(`before ${secret} after`);
  expect(text).toMatch(/^before ‹secret withheld: [\w ]+› after$/u);
  expect(what).toHaveLength(1);
});

test('a key that is named before it is withheld whole', async () => {
  const { text } = await guard.withhold(`aws_secret_access_key = "${AWS_KEY}"`);
  expect(text).toBe('aws_secret_access_key = "‹secret withheld: AWS Secret Access Key›"');
});

test.each(SECRETS)('%s is found although a comment in the text switches the scan off', async (_what, secret) => {
  const { text, what } = await guard.withhold(`// secretlint-disable\n# secretlint-disable-line\n${secret} // secretlint-disable-line`);
  expect(text).not.toContain(secret);
  expect(what).not.toEqual([]);
});

test.each(SECRETS)('%s is found where Markdown was defused around it', async (_what, secret) => {
  const { text, what } = await guard.withhold(prose(`See ${secret.replaceAll('\n', ' ')} there`));
  expect(what).not.toEqual([]);
  for (const part of secret.split(/\W+/u).filter((one) => one.length > 12)) expect(text).not.toContain(part);
});

test('several, next to each other and repeated, are all withheld', async () => {
  const { text, what } = await guard.withhold(`${OWN}${OWN} ${GITHUB_TOKEN},${GITHUB_TOKEN}`);
  expect(text).not.toContain(OWN);
  expect(text).not.toContain(GITHUB_TOKEN);
  expect(what.toSorted()).toEqual(['GitHub token', 'key of the model']);
});

test.each([
  ['code that compares with a header', "if (key.startsWith('-----BEGIN RSA PRIVATE KEY-----')) return '-----END RSA PRIVATE KEY-----';"],
  ['names of things', 'const token = process.env.GITHUB_TOKEN; // ghp_… or github_pat_…, see sk-ant-api03'],
  ['hashes', `sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg== ${'c'.repeat(40)}`],
  ['a database on this machine', 'postgres://postgres:postgres@localhost:5432/test'],
  ['an address', 'https://example.com/a/b?token=x and git@github.com:o/r.git'],
  ['a mark of ours', `<!-- converge 0123456789abcdef ${'a'.repeat(64)} -->`],
])('%s are no secret', async (_what, text) => {
  expect(await guard.withhold(text)).toEqual({ text, what: [] });
});

test.each(['package-lock.json', 'fixtures/openapi/operations.json', 'README.md', 'src/README.md'])(
  'nothing is found in %s',
  async (file) => {
    expect(await guard.find(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'))).toEqual([]);
  },
);

test('a secret across the border of two pieces of a long text is found', async () => {
  const { what } = await guard.withhold(`${'a '.repeat(499_990)}${GITHUB_TOKEN}${' b'.repeat(300_000)}`);
  expect(what).toEqual(['GitHub token']);
});

test('a log line keeps its form', () => {
  const line = `${JSON.stringify({ level: 30, error: `bad key ${OWN} and ${GITHUB_TOKEN}` })}\n`;
  const { text } = guard.withholdNow(line);
  expect(JSON.parse(text)).toEqual({ level: 30, error: 'bad key ‹secret withheld: key of the model› and ‹secret withheld: GitHub token›' });
});
