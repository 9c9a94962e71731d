import { onTestFinished, expect, test } from 'vitest';
import { CatFile } from '../../src/git/cat-file.ts';
import { Trees } from '../../src/git/trees.ts';
import { Origin, git } from './origin.ts';

test('of the trees that were read, the latest are kept, up to a number of entries', async () => {
  const files = (folder: string, count: number) => Array.from({ length: count }, (_, n) => [`${folder}/${n}.txt`, folder + String(n)]);
  const origin = new Origin(Object.fromEntries([...files('a', 6), ...files('b', 6), ...files('c', 6), ...files('d', 30)]));
  const objects = new CatFile({ directory: origin.bare, searchPath: '/usr/local/bin:/usr/bin:/bin' });
  onTestFinished(() => objects.close());
  const asked: string[] = [];
  const counted = {
    read: (id: string) => {
      asked.push(id);
      return objects.read(id);
    },
  };
  const trees = new Trees(counted, 20);
  const [a = '', b = '', c = '', large = ''] = ['a', 'b', 'c', 'd'].map((folder) => git(origin.clone, ['rev-parse', `HEAD:${folder}`]));
  for (const tree of [a, b, a, b]) await trees.entries(tree);
  expect(asked).toEqual([a, b]);
  for (const tree of [c, b, c, a]) await trees.entries(tree);
  expect(asked).toEqual([a, b, c, a]);
  expect(await trees.entries(large)).toHaveLength(30);
  for (const tree of [large, c]) await trees.entries(tree);
  expect(asked).toEqual([a, b, c, a, large, c]);
});
