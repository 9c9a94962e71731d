import { expect, test } from 'vitest';
import type { Predicate } from '../../src/domain/plan.ts';
import { type Scope, type Survey, takeInventory } from '../../src/plan/inventory.ts';
import { type Ground, ground, sharedGround } from './support.ts';

const BDD: Predicate = { kind: 'regex', pattern: 'bdd\\.js', flags: '' };

const shared = sharedGround();

async function survey(here: Ground, scope: Partial<Scope> = {}, predicate: Predicate = BDD): Promise<Survey> {
  return takeInventory({ predicate, scope: { include: ['**'], within: [], exclude: [], ...scope }, ...here, tree: here.base.tree });
}

const paths = (taken: Survey): readonly string[] => taken.inventory.map((file) => file.path);

test('the files of the scope for which the predicate holds, with their sizes, and those that are excluded, with the reason', async () => {
  const taken = await survey(shared(), {
    include: ['test/**'],
    exclude: [
      { glob: 'test/generated/**', why: 'generated' },
      { glob: 'test/text/done*', why: 'only mentions it' },
    ],
  });
  expect(paths(taken)).toEqual(['test/money/add.test.js', 'test/money/round.test.js', 'test/text/trim.test.js']);
  expect(taken.inventory[0]?.bytes).toBe(55);
  expect(taken.skipped).toEqual([
    { path: 'test/generated/table.test.js', why: 'generated' },
    { path: 'test/text/done.test.js', why: 'only mentions it' },
  ]);
});

test('what people asked for narrows the scope, list by list', async () => {
  expect(paths(await survey(shared(), { within: [['test/**'], [], ['**/*.test.js', 'none'], ['**/money/**']] }))).toEqual([
    'test/money/add.test.js',
    'test/money/round.test.js',
  ]);
});

test('files outside of the scope for which it holds too are told, but not those that nobody asked for', async () => {
  expect((await survey(shared(), { include: ['test/money/**'] })).outside).toEqual([
    'test/generated/table.test.js',
    'test/text/done.test.js',
    'test/text/trim.test.js',
  ]);
  expect((await survey(shared(), { include: ['test/money/**'], within: [['test/money/**']] })).outside).toEqual([]);
});

test('dot files are files, binary files are not text, and huge text is skipped with the reason', async () => {
  const here = await ground({
    '.config/x': 'bdd.js',
    'image.png': Buffer.concat([Buffer.from('bdd.js'), Buffer.alloc(3_000_000)]),
    'huge.js': `bdd.js ${' '.repeat(2_200_000)}`,
  });
  const taken = await survey(here);
  expect(paths(taken)).toEqual(['.config/x']);
  expect(taken.skipped).toEqual([{ path: 'huge.js', why: '2,200,007 bytes are more than the 2,097,152 that Converge examines' }]);
});

test('a command is asked once for each file in scope, in the tree', async () => {
  const taken = await survey(
    shared(),
    { include: ['test/**'] },
    { kind: 'command', run: 'test -f package.json && grep -q "^import.*bdd.js" "$1"' },
  );
  expect(paths(taken)).toEqual([
    'test/generated/table.test.js',
    'test/money/add.test.js',
    'test/money/round.test.js',
    'test/text/trim.test.js',
  ]);
  expect(taken.outside).toEqual([]);
});

test('a question that has no answer outside of the scope does not stop the inventory; within the scope it does', async () => {
  const here = await ground({ 'src/a.js': 'aab', 'vendor/min.js': `${'a'.repeat(40)}!` });
  const endless: Predicate = { kind: 'regex', pattern: '^(a+)+b?$', flags: '' };
  const taken = await survey(here, { include: ['src/**'] }, endless);
  expect(paths(taken)).toEqual(['src/a.js']);
  expect(taken.outside).toEqual([]);
  await expect(survey(here, {}, endless)).rejects.toThrow('did not end on vendor/min.js within 2 s');
}, 60_000);
