import { z } from 'zod';
import type { Tool as SdkTool } from '@anthropic-ai/sdk/resources/messages';
import type { Overlay } from '../../domain/change.ts';
import type { Workspace } from '../../git/workspace.ts';
import type { CommandResult } from '../../sandbox/commands.ts';

/** What tools may use of their agent. */
export interface Desk {
  readonly workspace: Workspace;
  readonly mayWrite: (path: string) => { readonly ok: true } | { readonly ok: false; readonly reason: string };
  readonly checks: readonly string[];
  readonly runCheck: (name: string, overlay: Overlay) => Promise<CommandResult>;
}

/** Whose edits an agent sees in the files: its own, or none because it only reads. Descriptions of tools speak of edits only to those who can make them. */
export type Edits = 'own' | 'none';

/** What the model reads of a call. `failed`: nothing was done, and the text says what to do instead. */
export interface ToolAnswer {
  readonly text: string;
  readonly failed: boolean;
}

export interface Tool {
  readonly definition: SdkTool;
  /** Equal workspace, equal answer. Throws ConvergeErrors of git and sandbox, which the model is told, and Suspended. */
  run(input: unknown, desk: Desk): Promise<ToolAnswer>;
}

export const done = (text: string): ToolAnswer => ({ text, failed: false });
export const failed = (text: string): ToolAnswer => ({ text, failed: true });

/** A tool whose input is checked before it runs; what is wrong with it is told to the model. */
export function defineTool<Input>(options: {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodType<Input>;
  readonly run: (input: Input, desk: Desk) => Promise<ToolAnswer>;
}): Tool {
  const { name, description, input: schema, run } = options;
  return {
    definition: { name, description, input_schema: inputSchemaOf(schema) },
    run: async (input, desk) => {
      const parsed = schema.safeParse(input);
      if (parsed.success) return run(parsed.data, desk);
      return failed(`Nothing was done: the input of \`${name}\` does not fit.\n${issueList(parsed.error)}`);
    },
  };
}

/** One line a problem: where, then what is wrong. */
export function issueList(error: z.ZodError): string {
  return error.issues.map((issue) => `- ${issue.path.length > 0 ? `\`${issue.path.join('.')}\`: ` : ''}${issue.message}`).join('\n');
}

const objectSchema = z.looseObject({ type: z.literal('object') });

/** JSON Schema of a tool's input, which the API wants to be an object. */
export function inputSchemaOf(schema: z.ZodType): SdkTool.InputSchema {
  return objectSchema.parse(jsonSchemaOf(schema));
}

/** A tool whose words depend on whose edits its agent sees, made once for each. */
export function byEdits(make: (edits: Edits) => Tool): (edits: Edits) => Tool {
  const made = { own: make('own'), none: make('none') };
  return (edits) => made[edits];
}

/** JSON Schema as the model reads it: without what only says that numbers are numbers. */
export function jsonSchemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return rest;
}
