import { expect, test } from 'vitest';
import { makeUnsealer, seal } from '../../src/engine/sealed.ts';

test('what is sealed is read by the holder of the key, and by nobody else', () => {
  const [worker, other] = [makeUnsealer(), makeUnsealer()];
  const sealed = seal('ghs_a token', worker.key);
  expect(JSON.stringify(sealed)).not.toContain('ghs_a');
  expect(worker.open(sealed)).toBe('ghs_a token');
  expect(() => other.open(sealed)).toThrow();
  expect(seal('ghs_a token', worker.key).text).not.toBe(sealed.text);
});
