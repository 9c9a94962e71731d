import { generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openOwnSecrets } from '../../src/secrets/own-secrets.ts';
import { guardOf, OWN } from './support.ts';

const guard = guardOf({ 'secret of the webhook': OWN });

test('our own secret is found raw, in JSON, in a URL, in hex, and in base64 wherever it begins', () => {
  const place = fc.oneof(fc.string(), fc.constantFrom('x-access-token:', 'Basic '));
  fc.assert(
    fc.property(place, place, (before, after) => {
      const whole = `${before}${OWN}${after}`;
      for (const text of [
        whole,
        JSON.stringify(whole),
        encodeURIComponent(whole.toWellFormed()),
        ...['base64', 'base64url', 'hex'].map((form) => Buffer.from(whole).toString(form as 'hex')),
      ]) {
        const { text: shown, what } = guard.withholdOwn(text);
        expect(what).toEqual(['secret of the webhook']);
        expect(shown).not.toContain(OWN);
        expect(shown).toContain('‹secret withheld: secret of the webhook›');
      }
    }),
  );
});

test('a part of a private key is enough', () => {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 1024,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const own = guardOf({ 'private key of the App': privateKey });
  const line = privateKey.split('\n')[3] ?? '';
  expect(own.withholdOwn(`a ${line} b`).what).toEqual(['private key of the App']);
  expect(own.withholdOwn(JSON.stringify({ privateKey })).text).not.toContain(line);
  expect(own.withholdOwn('-----BEGIN PRIVATE KEY-----').what).toEqual([]);
});

test('what is too short to be told from a word is not looked for, and the caller learns it', () => {
  const own = openOwnSecrets();
  expect(own.add('password', 'postgres')).toBe(false);
  expect(own.add('password', 'a-long-password')).toBe(true);
  expect(own.find('postgres a-long-password').map(({ text }) => text)).toEqual(['a-long-password']);
});

test('tokens are remembered as they come, the newest of them', () => {
  const own = openOwnSecrets();
  for (let at = 0; at < 150; at += 1) own.addToken('installation token', `ghs_token-number-${String(at).padStart(4, '0')}`);
  expect(own.find('ghs_token-number-0149')).toHaveLength(1);
  expect(own.find('ghs_token-number-0001')).toHaveLength(0);
});
