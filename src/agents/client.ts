import Anthropic, { APIUserAbortError } from '@anthropic-ai/sdk';
import type { ContentBlockParam, Message, MessageCreateParamsStreaming, Usage as SdkUsage } from '@anthropic-ai/sdk/resources/messages';
import type { Usage } from '../domain/budget.ts';
import { BrokenStream, faultOf, type Fault } from './faults.ts';
import { openMessage } from './message.ts';
import { ratesOf, type Rate } from './rates.ts';
import { openTransport } from './transport.ts';

export interface ClientSettings {
  readonly apiKey: string;
  readonly baseUrl: string;
}

/** A finished response of the model, as it is stored and sent back. */
export interface ModelMessage {
  readonly content: readonly ContentBlockParam[];
  /** As the service names it; not narrowed, because it may learn new ones. */
  readonly stopReason: string;
  readonly refusal: { readonly category: string | null; readonly explanation: string | null } | null;
  readonly usage: Usage;
}

export type ModelRequest = Omit<MessageCreateParamsStreaming, 'stream'>;

export interface Listener {
  readonly signal: AbortSignal;
  /** A response that was not refused begins, and told this of limits. */
  readonly heard: (rates: readonly Rate[]) => void;
  /** Its first event: from then on its cached prefix can be read. */
  readonly began: () => void;
}

export type Sent = { readonly kind: 'answered'; readonly message: ModelMessage } | { readonly kind: 'failed'; readonly fault: Fault };

export interface ModelClient {
  /** One HTTP request, never repeated here, and what became of it. */
  send(request: ModelRequest, listener: Listener): Promise<Sent>;
}

/** The Messages API, streaming, without the SDK's own retries and telemetry, over our own connections. `connectMs`: until the headers of a response, and between two pieces of it. */
export function openClient(settings: ClientSettings, connectMs: number): ModelClient {
  const sdk = new Anthropic({
    apiKey: settings.apiKey,
    baseURL: settings.baseUrl,
    maxRetries: 0,
    timeout: connectMs,
    openTelemetry: false,
    logLevel: 'off',
    fetch: openTransport(connectMs),
  });
  return {
    async send(request, { signal, heard, began }) {
      let started = false;
      try {
        const { data: stream, response } = await sdk.messages.create({ ...request, stream: true }, { signal }).withResponse();
        heard(ratesOf(response.headers));
        const growing = openMessage();
        for await (const event of stream) {
          growing.take(event);
          if (event.type !== 'message_start') continue;
          started = true;
          began();
        }
        const message = growing.whole();
        if (message !== null) return { kind: 'answered', message: understood(message) };
        // The SDK's stream ends without a word when it is broken off.
        throw signal.aborted ? new APIUserAbortError() : new Error('the stream ended before the message did');
      } catch (error) {
        // After its beginning a response is paid for, whatever became of it: that is another case than a request that was refused.
        return { kind: 'failed', fault: faultOf(started && !signal.aborted ? new BrokenStream(error) : error) };
      }
    },
  };
}

function understood(message: Message): ModelMessage {
  const refusal = message.stop_details;
  return {
    content: message.content.map(readable).filter((block) => block.type !== 'text' || block.text.trim() !== ''), // the API refuses blank text when it comes back
    stopReason: message.stop_reason ?? 'none',
    refusal: refusal?.type === 'refusal' ? { category: refusal.category, explanation: refusal.explanation } : null,
    usage: usageOf(message.usage),
  };
}

function readable(block: Message['content'][number]): ContentBlockParam {
  if (block.type !== 'tool_use') return block;
  const { id, name, input } = block;
  return { type: 'tool_use', id, name, input: input ?? {} };
}

function usageOf(usage: SdkUsage): Usage {
  const written = usage.cache_creation_input_tokens ?? 0;
  const shortLived = usage.cache_creation?.ephemeral_5m_input_tokens ?? 0;
  return {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cacheRead: usage.cache_read_input_tokens ?? 0,
    cacheWrite5m: shortLived,
    // What the service does not attribute to a lifetime is counted as the dearer one.
    cacheWrite1h: Math.max(usage.cache_creation?.ephemeral_1h_input_tokens ?? 0, written - shortLived),
  };
}
