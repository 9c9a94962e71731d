import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** A hand-played round: every request and its reply, each repeated part kept once. */
const Archive = z.object({
  parts: z.record(z.string(), z.unknown()),
  exchanges: z.array(
    z.object({
      id: z.string(),
      fields: z.record(z.string(), z.unknown()),
      system: z.string(),
      tools: z.string(),
      messages: z.array(z.string()),
      reply: z.unknown(),
    }),
  ),
});
export type Archive = z.infer<typeof Archive>;

const Body = z.looseObject({ system: z.unknown(), tools: z.unknown(), messages: z.array(z.unknown()) });

export interface Exchange {
  readonly id: string;
  readonly body: Record<string, unknown>;
  readonly reply: unknown;
}

/** From what hand-claude.mjs wrote; requests without a reply, and repetitions of an earlier one, are left out. */
export function pack(directory: string): Archive {
  const parts = new Map<string, unknown>();
  const keep = (part: unknown): string => {
    const key = createHash('sha256').update(JSON.stringify(part)).digest('hex').slice(0, 16);
    parts.set(key, part);
    return key;
  };
  const names = new Set(readdirSync(directory));
  const seen = new Set<string>();
  const exchanges: Archive['exchanges'] = [];
  for (const name of [...names].filter((file) => file.endsWith('.request.json')).toSorted()) {
    const id = name.slice(0, -'.request.json'.length);
    if (!names.has(`${id}.reply.json`)) continue;
    const { body } = z.object({ body: Body }).parse(read(directory, name));
    const print = comparable(body);
    if (seen.has(print)) continue;
    seen.add(print);
    const { system, tools, messages, ...fields } = body;
    exchanges.push({
      id,
      fields,
      system: keep(system),
      tools: keep(tools),
      messages: messages.map(keep),
      reply: read(directory, `${id}.reply.json`),
    });
  }
  return { parts: Object.fromEntries(parts), exchanges };
}

export function unpack(text: string): readonly Exchange[] {
  const { parts, exchanges } = Archive.parse(JSON.parse(text));
  return exchanges.map(({ id, fields, system, tools, messages, reply }) => ({
    id,
    body: { ...fields, system: parts[system], tools: parts[tools], messages: messages.map((key) => parts[key]) },
    reply,
  }));
}

/** A request without what differs from one run to the next: how long commands took, and where they ran. */
export function comparable(body: unknown): string {
  const text = JSON.stringify(sorted(body));
  // A fence's mark is made from what it fences, and so from those times too.
  const marks = new Set([...text.matchAll(/mark=\\"([0-9a-f]{10})\\"/gu)].map(([, mark]) => mark ?? ''));
  return [...marks]
    .reduce((kept, mark) => kept.replaceAll(mark, '#'), text)
    .replaceAll(/duration_ms[: ]+[\d.]+/gu, 'duration_ms #')
    .replaceAll(/\([\d.]+ms\)/gu, '(#ms)')
    .replaceAll(/converge-[a-z]+-[A-Za-z0-9]{6}/gu, 'converge-#');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}

function read(directory: string, name: string): unknown {
  return JSON.parse(readFileSync(join(directory, name), 'utf8'));
}
