import { findModel, MAX_OUTPUT } from './models.ts';
import type { LocalModel } from './models.ts';
import { blocksOf, messagesRequest } from './request.ts';
import type { Block, MessagesRequest } from './request.ts';

/** An answer that is an error, in the API's own shape. */
export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
}

export type Examined =
  | { readonly kind: 'accepted'; readonly request: MessagesRequest; readonly model: LocalModel }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** Says what the API would say to this body; the order is the API's: shape, model, parameters, conversation. */
export function examineRequest(body: unknown): Examined {
  const parsed = messagesRequest.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const missing = issue?.code === 'invalid_type' && issue.message.includes('received undefined');
    return refused(400, `${issue?.path.join('.') || 'body'}: ${missing ? 'Field required' : (issue?.message ?? 'invalid')}`);
  }
  const request = parsed.data;
  const model = findModel(request.model);
  if (model === null) return refused(404, `model: ${request.model}`);
  const message = parameterProblem(request, model) ?? cacheProblem(request) ?? conversationProblem(request, model);
  return message === null ? { kind: 'accepted', request, model } : refused(400, message);
}

function refused(status: number, message: string): Examined {
  return { kind: 'refused', refusal: { status, type: status === 404 ? 'not_found_error' : 'invalid_request_error', message } };
}

function parameterProblem(request: MessagesRequest, model: LocalModel): string | null {
  const sampling = ['temperature', 'top_p', 'top_k'].find((name) => name in request);
  if (sampling !== undefined) return `${sampling}: sampling parameters are not supported in API version 2026-10-21`;
  if (request.max_tokens > MAX_OUTPUT)
    return `max_tokens: ${request.max_tokens} > ${MAX_OUTPUT}, which is the maximum allowed number of output tokens for ${model.id}`;
  if (request.max_tokens === 0 && request.stream === true) return 'max_tokens: 0 cannot be combined with streaming';
  const choice = request.tool_choice?.type;
  if ((choice === 'any' || choice === 'tool') && !model.forcedToolChoice)
    return `tool_choice: type \`${choice}\` is not supported by ${model.id}`;
  const thinking = request.thinking?.type;
  if (thinking !== undefined && !model.thinking.includes(thinking)) return `thinking.type: \`${thinking}\` is not supported by ${model.id}`;
  const names = (request.tools ?? []).map((tool) => tool.name);
  const bad = names.find((name) => !/^[a-zA-Z0-9_-]{1,128}$/.test(name));
  if (bad !== undefined) return `tools: name \`${bad}\` should match ^[a-zA-Z0-9_-]{1,128}$`;
  return new Set(names).size < names.length ? 'tools: Tool names must be unique.' : null;
}

function cacheProblem(request: MessagesRequest): string | null {
  const system = typeof request.system === 'string' ? [] : (request.system ?? []);
  const inMessages = request.messages.flatMap((message) => blocksOf(message.content));
  const marked = [...(request.tools ?? []), ...system, ...inMessages, request].filter(
    (part) => part.cache_control !== undefined && part.cache_control !== null,
  );
  if (marked.length > 4) return `A maximum of 4 blocks with cache_control may be provided. Found ${marked.length}.`;
  const lifetimes = marked.map((part) => (isLong(part.cache_control) ? '1h' : '5m'));
  const wrong = lifetimes.findIndex((ttl, at) => ttl === '1h' && lifetimes.slice(0, at).includes('5m'));
  return wrong < 0 ? null : 'cache_control: a block with ttl `1h` must not come after a block with ttl `5m`.';
}

function isLong(control: unknown): boolean {
  return typeof control === 'object' && control !== null && 'ttl' in control && control.ttl === '1h';
}

function conversationProblem({ messages }: MessagesRequest, model: LocalModel): string | null {
  if (messages.length === 0) return 'messages: at least one message is required';
  if (messages[0]?.role !== 'user') return 'messages: first message must use the "user" role';
  if (messages.at(-1)?.role === 'assistant')
    return `This model does not support assistant message prefill. The conversation must end with a user message.`;
  for (const [at, message] of messages.entries()) {
    const problem =
      message.role === 'system'
        ? systemProblem({ messages, at, model })
        : (blockProblem(blocksOf(message.content), message.role) ?? pairingProblem(messages, at));
    if (problem !== null) return `messages.${at}: ${problem}`;
  }
  return null;
}

function systemProblem(place: {
  readonly messages: MessagesRequest['messages'];
  readonly at: number;
  readonly model: LocalModel;
}): string | null {
  const { messages, at, model } = place;
  if (!model.systemMessages) return `role 'system' is not supported by ${model.id}`;
  const next = messages[at + 1];
  if (messages[at - 1]?.role === 'assistant') return 'a system message must follow a user turn';
  return next === undefined || next.role !== 'user' ? null : 'a system message must be last or followed by an assistant turn';
}

function blockProblem(content: readonly Block[], role: string): string | null {
  if (content.length === 0) return 'content must not be empty';
  if (content.some((block) => block.type === 'text' && block.text === '')) return 'text content blocks must be non-empty';
  if (content.some((block) => block.type === 'text' && block.text.trim() === ''))
    return 'text content blocks must contain non-whitespace text';
  if (role === 'user' && content.some((block) => block.type === 'tool_use' || block.type === 'thinking'))
    return '`tool_use` and `thinking` blocks can only be in assistant messages';
  if (role === 'assistant' && content.some((block) => block.type === 'tool_result'))
    return '`tool_result` blocks can only be in user messages';
  return null;
}

function pairingProblem(messages: MessagesRequest['messages'], at: number): string | null {
  const content = blocksOf(messages[at]?.content ?? '');
  const asked = content.flatMap((block) => (block.type === 'tool_use' ? [block.id] : []));
  const answered = (message: MessagesRequest['messages'][number] | undefined): readonly string[] =>
    message === undefined ? [] : blocksOf(message.content).flatMap((block) => (block.type === 'tool_result' ? [block.tool_use_id] : []));
  const open = asked.filter((id) => !answered(messages[at + 1]).includes(id));
  if (open.length > 0) return `\`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${open.join(', ')}.`;
  const results = answered(messages[at]);
  const before = new Set(blocksOf(messages[at - 1]?.content ?? '').flatMap((block) => (block.type === 'tool_use' ? [block.id] : [])));
  const stray = results.filter((id, index) => !before.has(id) || results.indexOf(id) !== index);
  if (stray.length > 0)
    return `unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray.join(', ')}. Each must answer one \`tool_use\` block of the previous message.`;
  const firstText = content.findIndex((block) => block.type === 'text');
  return results.length > 0 && firstText >= 0 && content.slice(firstText).some((block) => block.type === 'tool_result')
    ? '`tool_result` blocks must come before text.'
    : null;
}
