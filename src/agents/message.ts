import type { Message, MessageDeltaUsage, RawContentBlockDelta, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';

type Block = Message['content'][number];

/** The response that the events of a stream come to. `whole` is null until its last event. */
export interface Growing {
  take(event: RawMessageStreamEvent): void;
  whole(): Message | null;
}

/**
 * Puts a response together. The SDK's own helper copies the message at each event and reads a tool's input again and again while it comes; here an event only adds to what
 * is there, and an input is read once, when its block ends.
 */
export function openMessage(): Growing {
  let message: Message | null = null;
  let ended = false;
  /** JSON of tools' inputs as far as it came, by the index of their blocks. */
  const inputs = new Map<number, string>();

  const grow = (index: number, block: Block | undefined, delta: RawContentBlockDelta): void => {
    if (delta.type === 'input_json_delta') inputs.set(index, (inputs.get(index) ?? '') + delta.partial_json);
    if (block?.type === 'text' && delta.type === 'text_delta') block.text += delta.text;
    if (block?.type === 'text' && delta.type === 'citations_delta') block.citations = [...(block.citations ?? []), delta.citation];
    if (block?.type === 'thinking' && delta.type === 'thinking_delta') block.thinking += delta.thinking;
    if (block?.type === 'thinking' && delta.type === 'signature_delta') block.signature = delta.signature;
  };
  const end = (index: number, block: Block | undefined): void => {
    const json = inputs.get(index) ?? '';
    if (json !== '' && (block?.type === 'tool_use' || block?.type === 'server_tool_use')) block.input = inputOf(json);
  };

  return {
    take(event) {
      if (event.type === 'message_start') message = event.message;
      if (message === null) return;
      switch (event.type) {
        case 'content_block_start':
          message.content[event.index] = event.content_block;
          break;
        case 'content_block_delta':
          grow(event.index, message.content[event.index], event.delta);
          break;
        case 'content_block_stop':
          end(event.index, message.content[event.index]);
          break;
        case 'message_delta':
          message.stop_reason = event.delta.stop_reason;
          message.stop_sequence = event.delta.stop_sequence;
          message.stop_details = event.delta.stop_details;
          count(message.usage, event.usage);
          break;
        case 'message_stop':
          ended = true;
          break;
        case 'message_start':
      }
    },
    whole: () => (ended ? message : null),
  };
}

/** What the model wrote as a tool's input; nothing when it is no JSON object, which alone the service takes back: then the tool says what it misses. */
function inputOf(json: string): unknown {
  try {
    const input: unknown = JSON.parse(json);
    return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {};
  } catch {
    return {};
  }
}

/** Later counts are of the whole message, and left out where they do not apply. */
function count(usage: Message['usage'], later: MessageDeltaUsage): void {
  usage.output_tokens = later.output_tokens;
  usage.input_tokens = later.input_tokens ?? usage.input_tokens;
  usage.cache_creation_input_tokens = later.cache_creation_input_tokens ?? usage.cache_creation_input_tokens;
  usage.cache_read_input_tokens = later.cache_read_input_tokens ?? usage.cache_read_input_tokens;
}
