import { expect, test } from 'vitest';
import { carefulTokens } from '../../src/agents/request.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import { bench, call, countTask, live, submit, textTask, workspaceOf } from './support.ts';
import { spendingOf } from '../journal/support.ts';

test.each<[string, string, number]>([
  ['prose', 'The quick brown fox jumps over the lazy dog and is gone', 1 / 3],
  ['code', 'export const total = (items) => items.reduce((sum, item) => sum + item.price, 0);', 1 / 2.5],
  ['base64', 'iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4', 1 / 1.5],
  ['a hash', '4b825dc642cb6eb9a060e54bf8d69288fbee4904', 1 / 1.5],
  ['rows of digits', '1,2,3,4,5,6,7,8,9,0,1,2,3,4,5', 1],
  ['signs', '{}[]();<>!=&&||??::##$$%%^^**~~', 1],
  ['Chinese', '把测试迁移到新的框架', 3],
  ['emoji', '😀🎉🚀', 2 * 2],
])('%s has at most the tokens that are reserved for it', (_, text, tokensPerCharacter) => {
  const tokens = carefulTokens(text);
  expect(tokens).toBeGreaterThanOrEqual(Math.floor(Array.from(text).length * tokensPerCharacter));
  expect(tokens).toBeLessThanOrEqual(Buffer.byteLength(JSON.stringify(text)));
});

test('prose is not reserved for as if it were noise', () => {
  const text = 'The quick brown fox jumps over the lazy dog and is gone';
  expect(carefulTokens(text)).toBeLessThan(text.length * 0.6);
});

const reserved = (events: readonly RunEvent[]): readonly number[] =>
  events.flatMap((event) => (event.type === 'spend.reserved' ? [event.amount] : []));

test('what is read counts by what it is: a file in Chinese is reserved for with a token a byte', async () => {
  const amounts = async (file: string): Promise<readonly number[]> => {
    const workspace = (await workspaceOf({ 'a.txt': file }))();
    const { agents, events } = await bench((_, n) => (n === 1 ? call('read', { file_path: 'a.txt' }) : submit({ count: 1 })));
    await agents.submit(countTask({ workspace, tools: ['read'] }), live());
    return reserved(await events());
  };
  const [plain, dense] = [await amounts('word '.repeat(3000)), await amounts('字'.repeat(5000))];
  expect(plain).toHaveLength(2);
  expect(dense[0]).toBe(plain[0]);
  // Both have 15,000 bytes; of the price of a prompt token, in a cache that lasts an hour, 7,500 more.
  expect((dense[1] ?? 0) - (plain[1] ?? 0)).toBeGreaterThan(7_000 * 4);
});

test.each([408, 504])('who gave up waiting (%i) may have been charged: the whole reservation is, and it is told', async (status) => {
  const { agents, journal, events } = await bench((_, n) =>
    n === 1 ? { status, error: { type: 'timeout_error', message: 'timed out' } } : { text: 'At last.' },
  );
  await agents.run(textTask(), live());
  const [first = 0] = reserved(await events());
  const { spent } = await spendingOf(journal, 'run-1');
  expect(spent).toBeGreaterThan(first);
  expect((await events()).find((event) => event.type === 'spend.charged')).toMatchObject({ amount: first, known: false });
});
