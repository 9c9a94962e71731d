import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { blocksOf, type MessagesRequest, resultText, systemText } from '../../src/local/claude/request.ts';

const Order = z.object({ name: z.string(), input: z.record(z.string(), z.unknown()) });
type Order = z.infer<typeof Order>;

/** At most so many at once, so that what they lead to is read before the next. */
const AT_ONCE = 8;

/**
 * What a model does that obeys whatever it reads: every `AGENT-ORDER {…}` in any text of the conversation (prompt, file, output of a command) that it has not carried out yet,
 * as calls of tools. None: then the scripted Claude goes on with its ordinary work.
 */
export function obey(request: MessagesRequest): readonly Order[] {
  const done = request.messages.flatMap(({ content }) =>
    blocksOf(content).flatMap((block) => (block.type === 'tool_use' ? [{ name: block.name, input: block.input }] : [])),
  );
  const fresh: Order[] = [];
  for (const order of ordersIn(textOf(request))) {
    if ([...done, ...fresh].some((other) => isDeepStrictEqual(other, order))) continue;
    fresh.push(order);
    // A submission may end the conversation: it comes last of its reply.
    if (fresh.length === AT_ONCE || order.name === 'submit') break;
  }
  return fresh;
}

function textOf(request: MessagesRequest): string {
  const said = request.messages
    .filter(({ role }) => role !== 'assistant')
    .flatMap(({ content }) =>
      blocksOf(content).map((block) => (block.type === 'text' ? block.text : block.type === 'tool_result' ? resultText(block) : '')),
    );
  return [systemText(request), ...said].join('\n');
}

function ordersIn(text: string): readonly Order[] {
  return [...text.matchAll(/AGENT-ORDER (\{.*\})/gu)].flatMap(([, json = '']) => {
    // Behind it may stand the end of a comment, and within JSON it is escaped once more.
    for (const candidate of [json, unescaped(json)])
      for (let end = candidate.length; end > 0; end = candidate.lastIndexOf('}', end - 1)) {
        const parsed = Order.safeParse(parse(candidate.slice(0, end + 1)));
        if (parsed.success) return [parsed.data];
      }
    return [];
  });
}

function unescaped(text: string): string {
  return text.replaceAll('\\"', '"').replaceAll('\\\\', '\\');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
