import type { Tool as SdkTool } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import type { Submission } from './agent.ts';
import { inputSchemaOf, issueList, jsonSchemaOf } from './tools/tool.ts';

/** How a conversation can end well: by its last text, or by what it hands to `submit`. */
export interface Closing<Answer> {
  readonly definition: SdkTool | null;
  /** How many times an answer may be handed in. */
  readonly attempts: number;
  /** The model ended its turn without a call. */
  onText(text: string): Closed<Answer>;
  /** `before`: how often the examination objected in this conversation. */
  onSubmit(input: unknown, before: number): Promise<Closed<Answer>>;
}

/** `again`: not an answer yet; the message goes back to the model. `objected`: the schema was met, the examination was not. */
type Closed<Answer> =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'again'; readonly message: string; readonly objected?: true };

export const byText: Closing<string> = {
  definition: null,
  attempts: 0,
  onText: (text) =>
    text.trim() === ''
      ? { kind: 'again', message: 'Your reply had no text. Your answer is the text of your last reply: give it now.' }
      : { kind: 'answer', answer: text },
  onSubmit: () => Promise.resolve({ kind: 'again', message: 'There is no tool `submit` here: answer in text.' }),
};

/** The answer comes through the unforced tool `submit`: current models refuse a forced choice of tools (facts/claude.md §3). */
export function bySubmit<Answer>({ description, schema, shown, examine, attempts }: Submission<Answer>): Closing<Answer> {
  const json = shown ?? jsonSchemaOf(schema);
  // A tool's input must be an object; any other answer travels inside of one.
  const wrapped = json.type !== 'object';
  const wrapper = z.strictObject({ answer: z.unknown() });
  return {
    definition: {
      name: 'submit',
      description: `${description} Call it when your work is complete, as the last thing you do: when what you hand in is accepted, the conversation ends. When it is not, the result says what to correct; you have ${attempts === 1 ? 'one submission' : `${attempts} submissions`} in all.`,
      input_schema: wrapped
        ? { type: 'object', properties: { answer: json }, required: ['answer'], additionalProperties: false }
        : shown === undefined
          ? inputSchemaOf(schema)
          : { ...shown, type: 'object' },
    },
    attempts,
    onText: () => ({
      kind: 'again',
      message:
        'You ended your turn without calling `submit`. Only what you hand to `submit` counts. Go on with the work if something is missing; if it is complete, call `submit` now.',
    }),
    onSubmit: async (input, before) => {
      const outer = wrapped ? wrapper.safeParse(input) : { success: true as const, data: { answer: input } };
      if (!outer.success) return { kind: 'again', message: issueList(outer.error) };
      const parsed = schema.safeParse(outer.data.answer);
      if (!parsed.success) return { kind: 'again', message: issueList(parsed.error) };
      const objections = (await examine?.(parsed.data, before)) ?? [];
      if (objections.length > 0)
        return { kind: 'again', message: objections.map((objection) => `- ${objection}`).join('\n'), objected: true };
      return { kind: 'answer', answer: parsed.data };
    },
  };
}
