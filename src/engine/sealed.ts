import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { z } from 'zod';

/** A text that only the process which made the key can read: a copy of the database tells nobody. */
export const Sealed = z.object({ key: z.string(), iv: z.string(), tag: z.string(), text: z.string() });
export type Sealed = z.infer<typeof Sealed>;

/** A key pair that lives and dies with this process. */
export interface Unsealer {
  /** To be sent along with a question. */
  readonly key: string;
  open(sealed: Sealed): string;
}

const CIPHER = 'aes-256-gcm';

export function makeUnsealer(): Unsealer {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  return {
    key: textOf(publicKey),
    open: ({ key, iv, tag, text }) => {
      const decipher = createDecipheriv(CIPHER, secretOf(privateKey, keyOf(key)), bytesOf(iv)).setAuthTag(bytesOf(tag));
      return Buffer.concat([decipher.update(bytesOf(text)), decipher.final()]).toString('utf8');
    },
  };
}

/** Seals a text for the holder of that key, with a key of its own for each text. */
export function seal(text: string, key: string): Sealed {
  const own = generateKeyPairSync('x25519');
  const iv = randomBytes(12);
  const cipher = createCipheriv(CIPHER, secretOf(own.privateKey, keyOf(key)), iv);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return {
    key: textOf(own.publicKey),
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    text: sealed.toString('base64'),
  };
}

function secretOf(privateKey: KeyObject, publicKey: KeyObject): Buffer {
  return Buffer.from(hkdfSync('sha256', diffieHellman({ privateKey, publicKey }), '', 'converge sealed', 32));
}

function textOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'der' }).toString('base64');
}

function keyOf(text: string): KeyObject {
  return createPublicKey({ key: bytesOf(text), type: 'spki', format: 'der' });
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'base64');
}
