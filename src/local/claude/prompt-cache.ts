import { createHash } from 'node:crypto';
import type { LocalModel } from './models.ts';
import { blocksOf } from './request.ts';
import type { MessagesRequest } from './request.ts';

/** Input of one request as it is billed, in tokens. */
export interface InputUsage {
  readonly input: number;
  readonly cacheRead: number;
  readonly cacheWrite5m: number;
  readonly cacheWrite1h: number;
}

/** How far before a breakpoint an older one is still found. */
const LOOK_BACK = 20;

interface Segment {
  readonly text: string;
  readonly ttl: '5m' | '1h' | null;
}

/** Reading is by exact prefix in the order tools → system → messages; time plays no part, so that runs are repeatable. */
export class PromptCache {
  readonly #written = new Set<string>();

  /** What a request costs now, and how to make its prefixes readable: to be called when its response begins, not before. */
  account(request: MessagesRequest, model: LocalModel): { readonly usage: InputUsage; readonly write: () => void } {
    const segments = segmentsOf(request);
    const marks = prefixes(segments, model.id);
    const total = marks.at(-1)?.tokens ?? 0;
    const breakpoints = marks.filter((mark) => mark.ttl !== null && mark.tokens >= model.cacheMinimum);
    const read = this.#longestRead(marks, breakpoints);
    let reached = read;
    const writes = { '5m': 0, '1h': 0 };
    for (const { ttl, tokens } of breakpoints) {
      if (ttl === null || tokens <= reached) continue;
      writes[ttl] += tokens - reached;
      reached = tokens;
    }
    const usage = { input: total - reached, cacheRead: read, cacheWrite5m: writes['5m'], cacheWrite1h: writes['1h'] };
    return { usage, write: () => breakpoints.forEach((mark) => this.#written.add(mark.hash)) };
  }

  #longestRead(marks: readonly Prefix[], breakpoints: readonly Prefix[]): number {
    for (const breakpoint of breakpoints.toReversed()) {
      const near = marks.slice(Math.max(0, breakpoint.index - LOOK_BACK), breakpoint.index + 1).toReversed();
      const hit = near.find((mark) => this.#written.has(mark.hash));
      if (hit !== undefined) return hit.tokens;
    }
    return 0;
  }
}

interface Prefix {
  readonly index: number;
  readonly hash: string;
  readonly tokens: number;
  readonly ttl: '5m' | '1h' | null;
}

function prefixes(segments: readonly Segment[], model: string): readonly Prefix[] {
  const hash = createHash('sha256').update(model);
  let bytes = 0;
  return segments.map((segment, index) => {
    hash.update('\0').update(segment.text);
    bytes += Buffer.byteLength(segment.text);
    return { index, hash: hash.copy().digest('hex'), tokens: Math.ceil(bytes / 4), ttl: segment.ttl };
  });
}

/** All of the input, for `count_tokens`. */
export function countTokens(request: MessagesRequest): number {
  return Math.ceil(segmentsOf(request).reduce((sum, segment) => sum + Buffer.byteLength(segment.text), 0) / 4);
}

function segmentsOf(request: MessagesRequest): readonly Segment[] {
  const system =
    request.system === undefined ? [] : typeof request.system === 'string' ? [{ type: 'text', text: request.system }] : request.system;
  const segments = [
    ...(request.tools ?? []).map((tool) => segment('tool', tool)),
    ...system.map((block) => segment('system', block)),
    ...request.messages.flatMap((message) => blocksOf(message.content).map((block) => segment(message.role, block))),
  ];
  const last = segments.at(-1);
  if (last === undefined || request.cache_control === undefined || request.cache_control === null) return segments;
  return [...segments.slice(0, -1), { ...last, ttl: request.cache_control.ttl ?? '5m' }]; // automatic caching: a breakpoint at the end
}

function segment(place: string, part: { readonly [name: string]: unknown }): Segment {
  const { cache_control: control, ...rest } = part;
  const long = typeof control === 'object' && control !== null && 'ttl' in control && control.ttl === '1h';
  return { text: `${place}:${JSON.stringify(rest)}`, ttl: control === undefined || control === null ? null : long ? '1h' : '5m' };
}
