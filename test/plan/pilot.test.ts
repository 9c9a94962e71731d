import { expect, test } from 'vitest';
import { choosePilot, importsOf } from '../../src/plan/pilot.ts';
import { shard } from '../verify/support.ts';
import { ground } from './support.ts';

const SHARDS = [
  { ...shard('setup', ['lib/x.js']), kind: 'foundation' as const },
  shard('big', ['src/a/1.js', 'src/a/2.js'], { after: ['setup'] }),
  shard('small', ['src/a/3.js'], { after: ['setup'] }),
  shard('busy', ['src/b/1.js'], { after: ['setup', 'core'] }),
  shard('near', ['src/a/deep/1.js'], { after: ['setup'] }),
  shard('far', ['tools/1.js'], { after: ['setup'] }),
  shard('core', ['src/core/1.js'], { after: ['setup'] }),
];
const bytes = new Map([
  ['src/a/1.js', 500],
  ['src/a/2.js', 700],
  ['src/a/3.js', 10],
  ['src/b/1.js', 100],
  ['src/a/deep/1.js', 100],
  ['tools/1.js', 100],
  ['src/core/1.js', 100],
]);
const imports = new Map([
  ['src/a/1.js', 50],
  ['src/b/1.js', 9],
  ['tools/1.js', 2],
]);
const choose = (count: number) => choosePilot({ shards: SHARDS, bytes, imports, count });

test('the largest, the smallest, the most imports, then another part of the code; with what they need', () => {
  expect(choose(4)).toEqual({
    shards: [
      { shard: 'big', why: 'the largest, 1,200 bytes' },
      { shard: 'small', why: 'the smallest, 10 bytes' },
      { shard: 'busy', why: 'of the others the most imports, 9' },
      { shard: 'far', why: 'another part of the code, tools' },
    ],
    needs: ['core'],
  });
  expect(choose(1)).toEqual({ shards: [{ shard: 'big', why: 'the largest, 1,200 bytes' }], needs: [] });
});

test('the same whatever the order, and none when nothing is left to wait', () => {
  expect(choosePilot({ shards: SHARDS.toReversed(), bytes, imports, count: 4 })?.shards).toEqual(choose(4)?.shards);
  expect(choose(5)).toMatchObject({ shards: { length: 5 }, needs: [] });
  expect(choose(6)).toBeNull();
  expect(choose(60)).toBeNull();
});

test('lines that bring in another file', async () => {
  const here = await ground({
    'a.js': "import x from 'x';\nconst y = require('y');\n// important\nexport { z } from './z.js';\n",
    'b.py': 'from x import y\nimport z\nprint(1)\n',
    'c.rs': 'use std::io;\nlet user = 1;\n',
  });
  expect(Object.fromEntries(await importsOf(['a.js', 'b.py', 'c.rs'], here.workspace))).toEqual({ 'a.js': 3, 'b.py': 2, 'c.rs': 1 });
});
