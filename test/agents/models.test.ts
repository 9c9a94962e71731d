import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { effortFor, knownModels, maxTokensWithin, modelOf, priceOf, promptTokens, worstCost } from '../../src/agents/models.ts';

test('prices are micro-dollars, rounded up', () => {
  expect(priceOf('claude-sonnet-5-5', { input: 1_000_000, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 })).toBe(2_000_000);
  expect(priceOf('claude-opus-5-5', { input: 1, output: 1, cacheRead: 1, cacheWrite5m: 1, cacheWrite1h: 1 })).toBe(38); // 4 + 20 + 0.2 + 5 + 8 = 37.2
  expect(worstCost('claude-opus-5-5', 10_000, 8000)).toBe(10_000 * 8 + 8000 * 20);
});

test("Haiku's tier counts for the whole request", () => {
  expect(priceOf('claude-haiku-5-5', { input: 100_000, output: 1000, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 })).toBe(10_500);
  expect(priceOf('claude-haiku-5-5', { input: 50_000, output: 1000, cacheRead: 50_001, cacheWrite5m: 0, cacheWrite1h: 0 })).toBe(
    Math.ceil(25_000 + 2500.05 + 2500),
  );
});

const model = fc.constantFrom(...knownModels());
const tokens = fc.integer({ min: 0, max: 300_000 });

test('nothing costs more than its worst cost, and what fits in some money is the most that does', () => {
  fc.assert(
    fc.property(
      model,
      fc.record({ input: tokens, output: tokens, cacheRead: tokens, cacheWrite5m: tokens, cacheWrite1h: tokens }),
      (name, usage) => {
        expect(priceOf(name, usage)).toBeLessThanOrEqual(worstCost(name, promptTokens(usage), usage.output));
      },
    ),
  );
  fc.assert(
    fc.property(model, tokens, fc.integer({ min: 0, max: 10_000_000 }), (name, input, room) => {
      const most = maxTokensWithin(name, input, room);
      if (most < 0) expect(worstCost(name, input, 0)).toBeGreaterThan(room);
      else expect([worstCost(name, input, most) <= room, worstCost(name, input, most + 1) > room]).toEqual([true, true]);
    }),
  );
});

test('a model without a price is refused with the names of those that have one', () => {
  expect(() => modelOf('gpt-9')).toThrow(/`gpt-9` has no known price.*claude-opus-5-5, .*\.github\/converge\.yml/s);
  expect(() => modelOf('constructor')).toThrow(/no known price/);
});

test('an effort that a model lacks becomes the next below', () => {
  expect(effortFor('claude-haiku-5-5', 'max')).toBe('high');
  expect(effortFor('claude-opus-5-5', 'xhigh')).toBe('xhigh');
});

test('what the facts say of the models', () => {
  expect(knownModels()).toContain('claude-opus-4-8');
  for (const name of ['claude-opus-5-5', 'claude-sonnet-5-5', 'claude-fable-5-2']) expect(modelOf(name).forcedToolChoice).toBe(false);
  expect(modelOf('claude-opus-4-8')).toMatchObject({ thinking: 'adaptive', systemMessages: 'yes', cacheMinimum: 1024, maxOutput: 128_000 });
  expect(modelOf('claude-sonnet-5').systemMessages).toBe('no');
});
