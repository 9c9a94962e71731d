import Anthropic from '@anthropic-ai/sdk';
import { z } from 'zod';
import { EFFORTS } from '../domain/effort.ts';
import { messageOf } from '../domain/errors.ts';
import type { Log } from '../house.ts';
import type { ClientSettings } from './client.ts';
import { knownModels, learnModel, modelOf, type ToldModel } from './models.ts';
import { openTransport } from './transport.ts';

/** Longest silence of the service while it tells. */
const SILENCE_MS = 10_000;
/** Longest that it may take in all. */
const LONGEST_MS = 30_000;
/** Models on one page; the service has fewer, and no other page is asked for. */
const PAGE = 1000;

const support = z.looseObject({ supported: z.boolean() }).nullish();
const info = z.looseObject({
  id: z.string(),
  max_input_tokens: z.int().positive().nullish(),
  max_tokens: z.int().positive().nullish(),
  capabilities: z
    .looseObject({
      effort: z.looseObject(Object.fromEntries(EFFORTS.map((effort) => [effort, support]))).nullish(),
      thinking: z.looseObject({ types: z.looseObject({ adaptive: support }).nullish() }).nullish(),
    })
    .nullish(),
});

/**
 * Asks the service once what its models can do (facts/claude.md §2: limits, efforts, thinking; neither prices nor system messages within a conversation), for this process.
 * Where it cannot be asked, or does not know a model, models.json holds, and the log says why. Never rejects.
 */
export async function learnModels(
  settings: ClientSettings,
  { signal, log }: { readonly signal: AbortSignal; readonly log: Log },
): Promise<void> {
  try {
    const told = await askAll(settings, signal);
    for (const [name, facts] of told) learn(name, facts, log);
    const unknown = knownModels().filter((name) => !told.has(name));
    if (unknown.length > 0)
      log.warn({ models: unknown }, 'the model service does not list these models: what they can do is taken from models.json');
  } catch (error) {
    if (signal.aborted) return;
    log.warn({ error: messageOf(error) }, 'the model service could not be asked what its models can do: models.json holds');
  }
}

/** What it says of the models with a price; no other is used. */
async function askAll({ apiKey, baseUrl }: ClientSettings, signal: AbortSignal): Promise<ReadonlyMap<string, ToldModel>> {
  const fetch = openTransport(SILENCE_MS);
  const sdk = new Anthropic({ apiKey, baseURL: baseUrl, maxRetries: 0, timeout: SILENCE_MS, openTelemetry: false, logLevel: 'off', fetch });
  const told = new Map<string, ToldModel>();
  const page = await sdk.models.list({ limit: PAGE }, { signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]) });
  for (const each of page.data) {
    const { id, max_input_tokens: context, max_tokens: maxOutput, capabilities } = info.parse(each);
    if (!knownModels().includes(id)) continue;
    const has = modelOf(id).efforts;
    const efforts = EFFORTS.filter((effort) => capabilities?.effort?.[effort]?.supported ?? has.includes(effort));
    told.set(id, {
      ...(typeof context === 'number' ? { context } : {}),
      ...(typeof maxOutput === 'number' ? { maxOutput } : {}),
      // Without the lowest, what was approved would be answered with more.
      ...(efforts[0] === EFFORTS[0] ? { efforts } : {}),
      // It says what is taken, and not what a model does by itself: only what would be refused is left out.
      ...(capabilities?.thinking?.types?.adaptive?.supported === false ? { thinking: 'default' as const } : {}),
    });
  }
  return told;
}

function learn(name: string, facts: ToldModel, log: Log): void {
  const before = modelOf(name);
  learnModel(name, facts);
  const after = modelOf(name);
  if (JSON.stringify(before) === JSON.stringify(after)) return;
  log.info({ model: name, ...facts }, 'the model service says otherwise than models.json what this model can do: its word holds');
}
