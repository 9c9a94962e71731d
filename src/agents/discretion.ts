import type { ContentBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { hiddenText, numberedHidden } from '../domain/hidden.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import type { AgentTask } from './agent.ts';
import { toldInFences } from './prompt.ts';

/** What was kept from an agent, or shown to it by number, in words. */
export interface Kept {
  readonly run: string;
  readonly agent: string;
  readonly kept: readonly string[];
}

/** The last look at all that one agent reads: no secret of ours reaches the model, and nothing hidden does. */
export type Discretion = (text: string) => string;

export interface DiscretionParts {
  readonly secrets: Pick<SecretGuard, 'withholdOwn'>;
  /** Told each time that something was removed, shown by number or withheld. */
  readonly onKept?: (kept: Kept) => void;
}

export function discretionOf({ secrets, onKept }: DiscretionParts, { run, id: agent }: Pick<AgentTask<unknown>, 'run' | 'id'>): Discretion {
  return (text) => {
    const { text: open, what } = secrets.withholdOwn(text);
    const { text: shown, hidden } = numberedHidden(open);
    const rest = hidden.size === 0 ? [] : [`${hiddenText(hidden)} shown by number`];
    const kept = [...toldInFences(text), ...rest, ...what.map((secret) => `secret withheld: ${secret}`)];
    if (kept.length > 0) onKept?.({ run, agent, kept });
    return shown;
  };
}

/** A task with its prompts as its agent may read them. */
export function discreet<Answer>(task: AgentTask<Answer>, discretion: Discretion): AgentTask<Answer> {
  return { ...task, system: task.system.map(discretion), brief: discretion(task.brief) };
}

/** What the user's side says, as the model may read it. */
export function saidDiscreetly(say: readonly ContentBlockParam[], discretion: Discretion): readonly ContentBlockParam[] {
  return say.map((block) => {
    if (block.type === 'text') return { ...block, text: discretion(block.text) };
    return block.type === 'tool_result' && typeof block.content === 'string' ? { ...block, content: discretion(block.content) } : block;
  });
}
