import type { ToolUnion } from '@anthropic-ai/sdk/resources/messages';
import { expect, test } from 'vitest';
import { openOpenings, type Beginning } from '../../src/agents/request.ts';

const submit = (...fields: readonly string[]): ToolUnion => ({
  name: 'submit',
  description: 'Your answer.',
  input_schema: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, { type: 'string' }])) },
});

const beginning = (given: Partial<Beginning> = {}): Beginning => ({
  model: 'claude-sonnet-5-5',
  effort: 'high',
  system: ['You look at files.', 'They are these.'],
  tools: [submit('reasoning', 'verdict')],
  ...given,
});

test('conversations that begin with the same bytes have one opening', () => {
  const openings = openOpenings();
  expect(openings(beginning())).toBe(openings(beginning()));
});

test.each([
  ['another model', beginning({ model: 'claude-haiku-4-5' })],
  ['another effort', beginning({ effort: 'low' })],
  ['another text', beginning({ system: ['You look at files.', 'They are those.'] })],
  ['less text', beginning({ system: ['You look at files.'] })],
  ['no tool', beginning({ tools: [] })],
  ['the fields of a schema in another order, in which a model fills them in', beginning({ tools: [submit('verdict', 'reasoning')] })],
])('with %s they have another', (_what, other) => {
  const openings = openOpenings();
  const first = openings(beginning());
  const second = openings(other);
  expect(second).not.toBe(first);
  expect(JSON.stringify([second.model, second.effort, second.system, second.tools])).toBe(
    JSON.stringify([other.model, other.effort, other.system, other.tools]),
  );
});
