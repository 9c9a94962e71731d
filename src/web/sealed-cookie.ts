import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

/** Equal, in a time that tells nothing of where they differ; also of texts of different lengths. */
export function isSame(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHmac('sha256', 'compare').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Values in cookies that only we can have written; each with its end. */
export interface SealedCookies {
  /** The header that sets it. */
  set(name: string, value: Readonly<Record<string, string>>, seconds: number): string;
  /** What it holds; null when it is absent, forged or over. */
  get(request: IncomingMessage, name: string): Readonly<Record<string, string>> | null;
}

const Content = z.object({ until: z.number(), value: z.record(z.string(), z.string()) });

/** `secret`: whoever knows it signs; another one makes all earlier cookies void. */
export function sealedCookies(secret: string, secure: boolean): SealedCookies {
  const seal = (name: string, text: string): string => createHmac('sha256', secret).update(`${name} ${text}`).digest('base64url');
  return {
    set: (name, value, seconds) => {
      const content = JSON.stringify({ until: Date.now() + seconds * 1_000, value });
      const text = Buffer.from(content).toString('base64url');
      // Lax: a link from GitHub to a run page brings it, a form or picture of another site does not.
      const attributes = ['Path=/runs', 'HttpOnly', 'SameSite=Lax', `Max-Age=${seconds}`, ...(secure ? ['Secure'] : [])];
      return [`${name}=${text}.${seal(name, text)}`, ...attributes].join('; ');
    },
    get: (request, name) => {
      for (const [text = '', sealed = ''] of cookiesNamed(request, name).map((cookie) => cookie.split('.'))) {
        if (!isSame(seal(name, text), sealed)) continue;
        const { until, value } = Content.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
        if (until > Date.now()) return value;
      }
      return null;
    },
  };
}

function cookiesNamed(request: IncomingMessage, name: string): readonly string[] {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
}
