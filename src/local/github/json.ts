/** What goes over the wire. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: Json;
}

/** GitHub's times: ISO 8601 without fractions of seconds. */
export function iso(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

export function isoOrNull(milliseconds: number | null): string | null {
  return milliseconds === null ? null : iso(milliseconds);
}

/** A GraphQL id that names its kind: `PR_…`, `IC_…`, `R_…`. */
export function nodeId(kind: string, id: number): string {
  return `${kind}_${Buffer.from(String(id)).toString('base64url')}`;
}

/** Takes such an id apart; null for what this server never gave. */
export function parseNodeId(text: string): { kind: string; id: number } | null {
  const match = /^([A-Z]+)_([\w-]+)$/.exec(text);
  if (!match?.[1] || !match[2]) return null;
  const id = Number(Buffer.from(match[2], 'base64url').toString('utf8'));
  return Number.isInteger(id) ? { kind: match[1], id } : null;
}
