import type { ContentBlockParam, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import type { MicroDollars } from '../domain/budget.ts';
import { bytesOf, contentOf, type Content } from '../domain/change.ts';
import { toJson } from '../domain/json.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Journal, TurnRecord } from '../journal/journal.ts';
import type { ModelMessage } from './client.ts';
import { promptTokens } from './models.ts';
import { carefulTokens } from './request.ts';
import { withSteers, type SaidSteer } from './steering.ts';

/** A response as it is stored before its tools run. */
export interface StoredResponse extends ModelMessage {
  readonly maxTokens: number;
  /** All that this agent was charged so far, this response included. */
  readonly spent: MicroDollars;
  /** Of work so far: responses and tools, without waiting. */
  readonly milliseconds: number;
  /** Said to the model with the request that this answers; absent when there were none. */
  readonly steers?: readonly SaidSteer[];
}

export interface Counters {
  /** Answers handed to `submit` that were not taken. */
  readonly attempts: number;
  /** Of these, the ones that met the schema and not the examination. */
  readonly objections: number;
  /** Reminders to answer. */
  readonly nudges: number;
  /** Responses in a row that were cut off by max_tokens. */
  readonly cuts: number;
}

/** What followed a response. */
export interface StoredResults {
  /** What the user's side says next; null when the model is to go on as it is. */
  readonly say: readonly ContentBlockParam[] | null;
  /** False: the response is left out of the conversation (it was cut off, and is asked for again). */
  readonly keep: boolean;
  readonly counters: Counters;
  readonly milliseconds: number;
  /** Files that were edited when the agent began and now are again as in the tree: no overlay can say so. Null bytes: absent. */
  readonly reverted: readonly { readonly path: string; readonly content: Content | null }[];
}

/** Where a conversation stands: the fold of its turns, the same whether it is lived or resumed. */
export interface Progress {
  readonly messages: readonly MessageParam[];
  readonly turns: number;
  readonly spent: MicroDollars;
  readonly milliseconds: number;
  readonly counters: Counters;
  /** `max_tokens` of the last response. */
  readonly maxTokens: number;
  /** Tokens that the service counted, and at most how many there are in what it has not seen yet. */
  readonly counted: number;
  readonly uncounted: number;
  /** Ids of the steers that the conversation has. */
  readonly steered: readonly string[];
  /** Stored, and its tools have not run. */
  readonly pending: StoredResponse | null;
}

const NO_COUNTERS: Counters = { attempts: 0, objections: 0, nudges: 0, cuts: 0 };

export function beginning(brief: string, openingTokens: number): Progress {
  const messages: MessageParam[] = [{ role: 'user', content: [{ type: 'text', text: brief }] }];
  const uncounted = openingTokens + carefulTokens(messages);
  const none = { turns: 0, spent: 0, milliseconds: 0, counters: NO_COUNTERS, maxTokens: 0, counted: 0, steered: [], pending: null };
  return { ...none, messages, uncounted };
}

export function afterResponse(before: Progress, response: StoredResponse): Progress {
  const { spent, milliseconds, maxTokens, usage } = response;
  const counted = promptTokens(usage) + usage.output;
  const said = response.steers ?? [];
  const messages = withSteers(before.messages, said);
  const steered = [...before.steered, ...said.map(({ id }) => id)];
  return {
    messages,
    turns: before.turns + 1,
    counters: before.counters,
    spent,
    milliseconds,
    maxTokens,
    counted,
    uncounted: 0,
    steered,
    pending: response,
  };
}

export function afterResults(before: Progress, { say, keep, counters, milliseconds }: StoredResults): Progress {
  const messages = [...before.messages];
  // The API refuses an assistant message without content.
  if (keep && before.pending !== null && before.pending.content.length > 0)
    messages.push({ role: 'assistant', content: [...before.pending.content] });
  if (say !== null) messages.push({ role: 'user', content: [...say] });
  return {
    ...before,
    messages,
    counters,
    milliseconds,
    uncounted: before.uncounted + (say === null ? 0 : carefulTokens(say)),
    pending: null,
  };
}

/** Stores a conversation's turns and finds it again where it stood, the workspace as it was. */
export interface Transcript {
  resume(start: Progress, workspace: Workspace): Promise<Progress>;
  storeResponse(n: number, response: StoredResponse): Promise<void>;
  storeResults(n: number, results: Omit<StoredResults, 'reverted'>, workspace: Workspace): Promise<void>;
}

export function openTranscript({
  journal,
  run,
  agent,
}: {
  readonly journal: Journal;
  readonly run: string;
  readonly agent: string;
}): Transcript {
  let editedAtFirst: readonly string[] = [];
  return {
    async resume(start, workspace) {
      editedAtFirst = (await workspace.overlay()).map((edit) => edit.path);
      const turns = await journal.checkpoints(run, agent);
      const last = turns.findLast((turn) => turn.part === 'results');
      if (last !== undefined) await bringBack(workspace, last);
      return turns.reduce(
        (progress, turn) =>
          turn.part === 'response'
            ? afterResponse(progress, responseSchema.parse(turn.data))
            : afterResults(progress, resultsSchema.parse(turn.data)),
        start,
      );
    },
    storeResponse: (n, response) => journal.checkpoint(run, agent, { n, part: 'response', data: toJson(response), overlay: [] }),
    async storeResults(n, results, workspace) {
      const overlay = await workspace.overlay();
      const gone = editedAtFirst.filter((path) => !overlay.some((edit) => edit.path === path));
      const reverted = await Promise.all(gone.map(async (path) => ({ path, content: await contentAt(workspace, path) })));
      await journal.checkpoint(run, agent, { n, part: 'results', data: toJson({ ...results, reverted }), overlay });
    },
  };
}

async function bringBack(workspace: Workspace, turn: TurnRecord): Promise<void> {
  for (const { path, content } of resultsSchema.parse(turn.data).reverted) {
    if (content === null) await workspace.remove(path);
    else await workspace.write(path, bytesOf(content));
  }
  await workspace.restore(turn.overlay);
}

async function contentAt(workspace: Workspace, path: string): Promise<Content | null> {
  const file = await workspace.read(path);
  return file.kind === 'file' ? contentOf(file.bytes) : null;
}

const contentBlocks = z.array(z.custom<ContentBlockParam>((block) => z.looseObject({ type: z.string() }).safeParse(block).success));

const responseSchema: z.ZodType<StoredResponse> = z.object({
  content: contentBlocks,
  stopReason: z.string(),
  refusal: z.object({ category: z.string().nullable(), explanation: z.string().nullable() }).nullable(),
  usage: z.object({ input: z.number(), output: z.number(), cacheRead: z.number(), cacheWrite5m: z.number(), cacheWrite1h: z.number() }),
  maxTokens: z.number(),
  spent: z.number(),
  milliseconds: z.number(),
  steers: z.array(z.object({ id: z.string(), by: z.string(), text: z.string(), as: z.enum(['system', 'user']) })).exactOptional(),
});

const resultsSchema: z.ZodType<StoredResults> = z.object({
  say: contentBlocks.nullable(),
  keep: z.boolean(),
  counters: z.object({ attempts: z.number(), objections: z.number(), nudges: z.number(), cuts: z.number() }),
  milliseconds: z.number(),
  reverted: z.array(
    z.object({ path: z.string(), content: z.union([z.object({ utf8: z.string() }), z.object({ base64: z.string() })]).nullable() }),
  ),
});
