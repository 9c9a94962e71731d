import { hash } from 'node:crypto';

import type { RunEvent } from '../domain/events.ts';

/**
 * Names an event and all before it in its scope: sha256, in hex, over the seal before (null for the first), its place and the text of its body. Whoever changes, takes out or
 * slips in an event later leaves a seal that does not fit, or has to make all that follow anew.
 */
export function sealOf(
  before: string | null,
  { scope, n, at }: { readonly scope: string; readonly n: number; readonly at: string },
  body: string,
): string {
  return hash('sha256', JSON.stringify([before, scope, n, at]) + body);
}

/** An event as the journal holds it. */
export interface SealedEvent {
  readonly scope: string;
  readonly n: number;
  readonly at: string;
  /** JSON. */
  readonly body: string;
  /** Null in records of versions without. */
  readonly seal: string | null;
}

/**
 * Looks at events in the order of the whole journal; gives what is wrong with one, in words, or null. After one that is wrong the next is compared with what is stored. An event
 * without a seal is right only where no seal comes before it: versions without write no more once one with seals did.
 */
export function sealCheck(): (event: SealedEvent) => string | null {
  const ends = new Map<string, { readonly n: number; readonly seal: string | null }>();
  let begun = false;
  return (event) => {
    const { scope, n, body, seal } = event;
    const end = ends.get(scope) ?? { n: 0, seal: null };
    const before = begun;
    begun ||= seal !== null;
    ends.set(scope, { n, seal });
    if (n !== end.n + 1) return `event ${end.n + 1} of ${scope} is missing: found event ${n} in its place`;
    if (seal === null) {
      if (before) return `event ${n} of ${scope} has no seal, and events before it in the journal have`;
      return isSinceSeals(body) ? `event ${n} of ${scope} has no seal, and versions without seals wrote nothing like it` : null;
    }
    return seal === sealOf(end.seal, event, body)
      ? null
      : `event ${n} of ${scope}, or one before it, is not what was written: its seal does not fit`;
  };
}

const TYPES_SINCE_SEALS: ReadonlySet<unknown> = new Set<RunEvent['type']>(['command.answered', 'switch.turned', 'secret.withheld']);

function isSinceSeals(body: string): boolean {
  const event = parsed(body);
  if (typeof event !== 'object' || event === null || !('type' in event)) return false;
  return TYPES_SINCE_SEALS.has(event.type) || (event.type === 'agent.started' && ('prompt' in event || 'tools' in event));
}

/** Null for what is no JSON. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
