import { z } from 'zod';

const cacheControl = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() });
const cached = { cache_control: cacheControl.nullish() };

const text = z.looseObject({ type: z.literal('text'), text: z.string(), ...cached });
const blocks = z.discriminatedUnion('type', [
  text,
  z.looseObject({ type: z.literal('tool_use'), id: z.string(), name: z.string(), input: z.record(z.string(), z.unknown()), ...cached }),
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: z.union([z.string(), z.array(text)]).optional(),
    is_error: z.boolean().optional(),
    ...cached,
  }),
  z.looseObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string() }),
]);

/** A body of `POST /v1/messages` as far as Converge uses the API; what is not named here passes unread. */
export const messagesRequest = z.looseObject({
  model: z.string(),
  max_tokens: z.int().min(0),
  stream: z.boolean().optional(),
  system: z.union([z.string(), z.array(text)]).optional(),
  tools: z
    .array(
      z.looseObject({ name: z.string(), description: z.string().optional(), input_schema: z.record(z.string(), z.unknown()), ...cached }),
    )
    .optional(),
  tool_choice: z.looseObject({ type: z.string() }).optional(),
  thinking: z.looseObject({ type: z.string() }).optional(),
  output_config: z.looseObject({ effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional() }).optional(),
  cache_control: cacheControl.nullish(),
  messages: z.array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content: z.union([z.string(), z.array(blocks)]) })),
});

export type MessagesRequest = z.infer<typeof messagesRequest>;
export type Block = z.infer<typeof blocks>;

/** A message's blocks; a string is one block of text. */
export function blocksOf(content: string | readonly Block[]): readonly Block[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** The system prompt as one text. */
export function systemText(request: Pick<MessagesRequest, 'system'>): string {
  if (request.system === undefined) return '';
  return typeof request.system === 'string' ? request.system : request.system.map((block) => block.text).join('\n\n');
}

/** What a tool answered, as one text. */
export function resultText(block: Extract<Block, { type: 'tool_result' }>): string {
  const { content } = block;
  if (content === undefined) return '';
  return typeof content === 'string' ? content : content.map((part) => part.text).join('\n');
}
