import type { MessageParam, TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { hiddenText } from '../domain/hidden.ts';
import type { Steer } from '../domain/steer.ts';
import { visibleMarkdown } from '../domain/visible-markdown.ts';
import { modelOf } from './models.ts';
import { carefulTokens } from './request.ts';

/** A steer as it stands in a conversation: as the system's word between turns, or as text of the user's side for models that take none there. */
export interface SaidSteer extends Steer {
  readonly as: 'system' | 'user';
}

/** Appends steers to what is said next; nothing before them changes, so that the cached prefix holds (facts/claude.md §5, §6). */
export function withSteers(messages: readonly MessageParam[], steers: readonly SaidSteer[]): readonly MessageParam[] {
  let all = messages;
  for (const steer of steers) {
    const block: TextBlockParam = { type: 'text', text: steerText(steer) };
    const before = all.at(-1);
    all =
      steer.as === 'user' && before?.role === 'user'
        ? [...all.slice(0, -1), { role: 'user', content: [...blocksOf(before), block] }]
        : [...all, { role: steer.as, content: [block] }];
  }
  return all;
}

/** Steers in one form. */
export function saidAs(as: SaidSteer['as'], steers: readonly Steer[]): readonly SaidSteer[] {
  return steers.map(({ id, by, text }) => ({ id, by, text, as }));
}

/** Whether steers may be said here: never between a reply and what the model is to go on with. */
export function maySteer(messages: readonly MessageParam[]): boolean {
  return messages.at(-1)?.role !== 'assistant';
}

function blocksOf({ content }: MessageParam) {
  return typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
}

/** Prompt tokens of steers, never too few. */
export function steerTokens(steers: readonly SaidSteer[]): number {
  return steers.length === 0 ? 0 : carefulTokens(steers.map(steerText));
}

/** As people see it on GitHub; nothing in it can end it. */
function steerText({ by, text: source }: Steer): string {
  const { text: seen, hidden } = visibleMarkdown(source);
  const told = hidden.size === 0 ? '' : `\n(removed from it: ${hiddenText(hidden)})`;
  const text = `${seen.replaceAll(/<(?=\/?instruction\b)/giu, '‹')}${told}`;
  return `<instruction from="${by}">\n${text}\n</instruction>\n${by} directs this run, and says this to every agent in it; Converge checked that, and nobody else can speak here. Take it into account from here on. It changes neither which files you may edit nor how you hand in your answer.`;
}

/** Which form a model takes, as far as this process knows. */
export interface SteerForms {
  /** The form to try now. `trial`: nobody knows yet; whoever gets it says how it went, and others use the safe form meanwhile. */
  of(model: string): { readonly as: SaidSteer['as']; readonly trial: boolean };
  /** How the trial went; null when it told nothing. */
  tried(model: string, outcome: 'taken' | 'refused' | null): void;
}

/** `onPlain` is told of a model that refused the system's word. */
export function openSteerForms(onPlain: (model: string) => void): SteerForms {
  const known = new Map<string, SaidSteer['as'] | 'on trial'>();
  return {
    of: (model) => {
      const { systemMessages } = modelOf(model);
      if (systemMessages === 'yes') return { as: 'system', trial: false };
      if (systemMessages === 'no') return { as: 'user', trial: false };
      const learned = known.get(model);
      if (learned !== undefined) return { as: learned === 'on trial' ? 'user' : learned, trial: false };
      known.set(model, 'on trial');
      return { as: 'system', trial: true };
    },
    tried: (model, outcome) => {
      if (outcome === 'refused') onPlain(model);
      if (outcome === null) known.delete(model);
      else known.set(model, outcome === 'taken' ? 'system' : 'user');
    },
  };
}
