/** What the local Claude knows of a model: the refusals and limits that callers must be able to live with (facts/claude.md §2, §3, §6). */
export interface LocalModel {
  readonly id: string;
  readonly line: string;
  /** `tool_choice` `tool` and `any` are accepted. */
  readonly forcedToolChoice: boolean;
  /** Which `thinking.type` is accepted. */
  readonly thinking: readonly string[];
  /** Thinks although nobody asked. */
  readonly thinksByDefault: boolean;
  /** `role: system` inside of messages is accepted. */
  readonly systemMessages: boolean;
  readonly cacheMinimum: number;
  readonly efforts: readonly string[];
}

const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'];

const MODELS: readonly LocalModel[] = [
  newest('claude-fable-5-2', 'fable'),
  newest('claude-fable-5-1', 'fable'),
  newest('claude-opus-5-5', 'opus'),
  { ...newest('claude-sonnet-5-5', 'sonnet'), thinking: ['adaptive', 'between_tools'] },
  {
    ...newest('claude-haiku-5-5', 'haiku'),
    thinking: ['adaptive', 'disabled'],
    forcedToolChoice: true,
    efforts: ['low', 'medium', 'high'],
  },
  {
    ...newest('claude-opus-5', 'opus'),
    thinking: ['adaptive', 'disabled'],
    forcedToolChoice: true,
    systemMessages: true,
    cacheMinimum: 512,
  },
  { ...newest('claude-opus-4-8', 'opus'), thinksByDefault: false, forcedToolChoice: true, systemMessages: true },
  { ...newest('claude-sonnet-5', 'sonnet'), thinking: ['adaptive', 'disabled'], forcedToolChoice: true },
];

// Whether the 5.5 family takes system messages is unconfirmed: refusing them makes callers prove their fallback.
function newest(id: string, line: string): LocalModel {
  return {
    id,
    line,
    forcedToolChoice: false,
    thinking: ['adaptive'],
    thinksByDefault: true,
    systemMessages: false,
    cacheMinimum: 1_024,
    efforts: EFFORTS,
  };
}

export const MAX_OUTPUT = 128_000;

export function findModel(id: string): LocalModel | null {
  return MODELS.find((model) => model.id === id) ?? null;
}

/** The answer of `GET /v1/models/{id}`. */
export function modelInfo(model: LocalModel): object {
  const supported = (yes: boolean): object => ({ supported: yes });
  const efforts = EFFORTS.map((level) => [level, supported(model.efforts.includes(level))]);
  const thinkingKinds = ['adaptive', 'between_tools', 'disabled', 'enabled'].map((kind) => [
    kind,
    supported(model.thinking.includes(kind)),
  ]);
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: '2026-09-22T00:00:00Z',
    deprecated_at: null,
    retires_at: null,
    lifecycle: 'active',
    line: model.line,
    max_input_tokens: 1_000_000,
    max_tokens: MAX_OUTPUT,
    capabilities: {
      batch: supported(false),
      effort: { ...supported(true), ...Object.fromEntries(efforts) },
      structured_outputs: supported(false),
      thinking: { ...supported(true), types: Object.fromEntries(thinkingKinds) },
    },
  };
}

export function modelList(): object {
  const first = MODELS[0];
  const last = MODELS.at(-1);
  return { data: MODELS.map(modelInfo), has_more: false, first_id: first?.id ?? null, last_id: last?.id ?? null };
}
