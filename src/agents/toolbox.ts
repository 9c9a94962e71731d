import type { Tool as SdkTool, ToolResultBlockParam, ToolUseBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { ConvergeError } from '../domain/errors.ts';
import { hiddenAgain, hiddenText, shownHidden } from '../domain/hidden.ts';
import type { ToolName } from './agent.ts';
import { checkTool } from './tools/check.ts';
import { editTool } from './tools/edit.ts';
import { globTool } from './tools/glob.ts';
import { grepTool } from './tools/grep.ts';
import { readTool } from './tools/read.ts';
import { removeTool } from './tools/remove.ts';
import { failed, type Desk, type Edits, type Tool, type ToolAnswer } from './tools/tool.ts';
import { writeTool } from './tools/write.ts';

/** The tools of one conversation, in an order that does not depend on how they were asked for: their bytes are the cached prefix. */
export interface Toolbox {
  readonly definitions: readonly SdkTool[];
  /** Never rejects because of what the model asked: that is an answer with `is_error`. */
  run(call: ToolUseBlockParam, desk: Desk): Promise<ToolResultBlockParam>;
}

const ORDER: readonly ToolName[] = ['read', 'glob', 'grep', 'edit', 'write', 'remove', 'check'];
const WRITERS: readonly ToolName[] = ['edit', 'write', 'remove'];

/** `submit`: definition of the tool that takes the answer, run by the conversation itself. */
export function openToolbox(options: {
  readonly tools: readonly ToolName[];
  readonly checks: readonly string[];
  readonly submit: SdkTool | null;
}): Toolbox {
  const { tools, checks, submit } = options;
  const edits: Edits = WRITERS.some((name) => tools.includes(name)) ? 'own' : 'none';
  const available: Readonly<Record<ToolName, () => Tool>> = {
    read: () => readTool(edits),
    glob: () => globTool(edits),
    grep: () => grepTool(edits),
    edit: () => editTool,
    write: () => writeTool,
    remove: () => removeTool,
    check: () => checkTool(checks, edits),
  };
  // A `check` without checks would only invite to calls that fail.
  const chosen = ORDER.filter((name) => tools.includes(name) && (name !== 'check' || checks.length > 0)).map((name) => available[name]());
  const definitions = [...chosen.map((tool) => tool.definition), ...(submit === null ? [] : [submit])];
  const names = definitions.map(({ name }) => `\`${name}\``).join(', ');

  return {
    definitions,
    run: async (call, desk) => {
      const tool = chosen.find(({ definition }) => definition.name === call.name);
      if (tool === undefined)
        return resultOf(
          call,
          failed(`There is no tool \`${call.name}\`. ${names === '' ? 'You have no tools: answer in text.' : `Your tools are ${names}.`}`),
        );
      try {
        return resultOf(call, await tool.run(exactInput(call.input), desk));
      } catch (error) {
        if (error instanceof ConvergeError && (error.kind === 'git' || error.kind === 'sandbox'))
          return resultOf(call, failed(`Nothing was done: ${error.message}`));
        throw error;
      }
    },
  };
}

/** Files and their names are shown to the byte: what nobody sees in them stands there by its number, and means itself where the model writes it so. */
export function resultOf(call: ToolUseBlockParam, answer: ToolAnswer): ToolResultBlockParam {
  const { text, hidden } = shownHidden(answer.text);
  const content = text === answer.text ? text : `${text}\n(${NUMBERS}${hidden.size === 0 ? '' : `; here: ${hiddenText(hidden)}`})`;
  return { type: 'tool_result', tool_use_id: call.id, content, ...(answer.failed ? { is_error: true } : {}) };
}

const NUMBERS =
  'characters that people do not see are shown by their number, as in ⟦U+200B⟧; written like this in a call, they mean the characters';

/** What the model handed in, with the characters that it named by number. */
export function exactInput(input: unknown): unknown {
  if (typeof input === 'string') return hiddenAgain(input);
  if (Array.isArray(input)) return input.map(exactInput);
  if (input === null || typeof input !== 'object') return input;
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [name, exactInput(value)]));
}
