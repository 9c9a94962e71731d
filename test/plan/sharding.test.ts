import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlanDraft } from '../../src/domain/plan.ts';
import type { InventoryFile } from '../../src/plan/inventory.ts';
import { shardFiles, type Sharding, type ShardingFacts, worstAgentsOfShard } from '../../src/plan/sharding.ts';

const LIMITS = { agents: 1_000, reviewers: 2, rounds: 3 };

function files(...paths: readonly string[]): readonly InventoryFile[] {
  return paths.map((path) => ({ path, bytes: 1_000 }));
}

function facts(inventory: readonly InventoryFile[], draft: Partial<PlanDraft> = {}, others: Partial<ShardingFacts> = {}): ShardingFacts {
  return {
    inventory,
    draft: { sharding: { by: 'directory', maxFiles: 4 }, order: [], foundation: [], closing: [], ...draft },
    ownersOf: () => [],
    limits: LIMITS,
    ...others,
  };
}

function sharded(given: ShardingFacts): Extract<Sharding, { kind: 'sharded' }> {
  const sharding = shardFiles(given);
  if (sharding.kind !== 'sharded') throw new Error(sharding.errors.join('\n'));
  return sharding;
}

function errorsOf(given: ShardingFacts): readonly string[] {
  const sharding = shardFiles(given);
  return sharding.kind === 'impossible' ? sharding.errors : [];
}

const brief = (sharding: Extract<Sharding, { kind: 'sharded' }>): Record<string, readonly string[]> =>
  Object.fromEntries(sharding.shards.map((shard) => [shard.id, shard.files]));

describe('by directory', () => {
  test('a shard a directory, divided evenly where it is too large', () => {
    const inventory = files('src/a/1.js', 'src/a/2.js', 'src/b/1.js', 'src/b/2.js', 'src/b/3.js', 'src/b/4.js', 'src/b/5.js', 'top.js');
    expect(brief(sharded(facts(inventory)))).toEqual({
      'src-a': ['src/a/1.js', 'src/a/2.js'],
      'src-b-1': ['src/b/1.js', 'src/b/2.js', 'src/b/3.js'],
      'src-b-2': ['src/b/4.js', 'src/b/5.js'],
      root: ['top.js'],
    });
  });

  test('ids stay unique where directories have the same slug, also that of a fixed shard', () => {
    const inventory = files('a-b/x.js', 'a/b/x.js', 'a/b/1/x.js', 'A/B/x.js', 'setup/x.js');
    const { shards } = sharded(facts(inventory, { foundation: [{ id: 'setup', files: ['package.json'], task: 't' }] }));
    expect(new Set(shards.map((shard) => shard.id)).size).toBe(6);
    expect(shards.map((shard) => shard.id)).toContain('setup-1');
  });

  test('a large file is a shard of its own', () => {
    const inventory = [
      { path: 'a/1.js', bytes: 10 },
      { path: 'a/2.js', bytes: 900_000 },
      { path: 'a/3.js', bytes: 10 },
    ];
    expect(sharded(facts(inventory)).shards.map((shard) => shard.files)).toEqual([['a/1.js'], ['a/2.js'], ['a/3.js']]);
  });
});

test('by owner: files of the same owners together, who are told', () => {
  const ownersOf = (path: string): readonly string[] => (path.includes('pay') ? ['@org/pay', '@ana'] : []);
  const inventory = files('a/pay.js', 'b/pay.js', 'c/other.js');
  const { shards } = sharded(facts(inventory, { sharding: { by: 'owner', maxFiles: 4 } }, { ownersOf }));
  expect(shards.map(({ id, files: owned, owner }) => ({ id, owned, owner }))).toEqual([
    { id: 'org-pay-ana', owned: ['a/pay.js', 'b/pay.js'], owner: '@org/pay @ana' },
    { id: 'unowned', owned: ['c/other.js'], owner: null },
  ]);
});

test('by size: in path order, whatever the directories', () => {
  const inventory = files('a/1.js', 'b/1.js', 'c/1.js', 'd/1.js', 'e/1.js');
  const { shards } = sharded(facts(inventory, { sharding: { by: 'size', maxFiles: 4 } }));
  expect(shards.map((shard) => shard.files.length)).toEqual([3, 2]);
});

describe('order', () => {
  const draft = {
    foundation: [{ id: 'types', files: ['types.d.ts'], task: 'write the types' }],
    closing: [{ id: 'cleanup', files: ['package.json'], task: 'remove the old one' }],
  };

  test('foundation, then inventory, then closing', () => {
    const { shards } = sharded(facts(files('a/1.js', 'b/1.js'), draft));
    expect(shards.map(({ id, kind, after }) => ({ id, kind, after }))).toEqual([
      { id: 'types', kind: 'foundation', after: [] },
      { id: 'a', kind: 'inventory', after: ['types'] },
      { id: 'b', kind: 'inventory', after: ['types'] },
      { id: 'cleanup', kind: 'closing', after: ['a', 'b'] },
    ]);
  });

  test('by globs; files that match both sides are the first', () => {
    const order = [{ files: '**/*.js', after: 'core/**' }];
    const { shards } = sharded(facts(files('app/1.js', 'core/1.js'), { order }));
    expect(shards.map(({ id, after }) => ({ id, after }))).toEqual([
      { id: 'core', after: [] },
      { id: 'app', after: ['core'] },
    ]);
  });

  test('both sides of a rule in one directory become two shards', () => {
    const order = [{ files: 'a/use*.js', after: 'a/def.js' }];
    const { shards } = sharded(facts(files('a/def.js', 'a/use1.js', 'a/use2.js'), { order }));
    expect(shards.map((shard) => shard.files)).toEqual([['a/def.js'], ['a/use1.js', 'a/use2.js']]);
    expect(shards[1]?.after).toEqual([shards[0]?.id]);
  });

  test('a cycle is an error that names the shards', () => {
    const order = [
      { files: 'a/**', after: 'b/**' },
      { files: 'b/**', after: 'c/**' },
      { files: 'c/**', after: 'a/**' },
    ];
    expect(errorsOf(facts(files('a/1.js', 'b/1.js', 'c/1.js'), { order }))).toEqual([
      expect.stringContaining('The order has a cycle: a after b after c after a.'),
    ]);
  });

  test('a foundation shard after the inventory is a cycle', () => {
    const order = [{ files: 'types.d.ts', after: 'a/**' }];
    expect(errorsOf(facts(files('a/1.js'), { ...draft, order }))[0]).toContain('cycle: types after a after types');
  });
});

describe('overlap is an error that names the file and the shards', () => {
  test('with the inventory', () => {
    const foundation = [{ id: 'types', files: ['a/1.js'], task: 't' }];
    expect(errorsOf(facts(files('a/1.js'), { foundation }))).toEqual([
      expect.stringContaining('Found a/1.js in the shard `types` and in the inventory'),
    ]);
  });

  test('between foundation and closing', () => {
    const given = facts(files('a/1.js'), {
      foundation: [{ id: 'f', files: ['package.json'], task: 't' }],
      closing: [{ id: 'c', files: ['package.json'], task: 't' }],
    });
    expect(errorsOf(given)).toEqual([expect.stringContaining('Found package.json in the shard `f` and in `c`')]);
  });

  test('the same id twice', () => {
    const given = facts(files('a/1.js'), {
      foundation: [{ id: 'x', files: ['b'], task: 't' }],
      closing: [{ id: 'x', files: ['c'], task: 't' }],
    });
    expect(errorsOf(given)[0]).toContain('with the id `x`');
  });
});

describe('the worst case fits the limit of agents', () => {
  const many = files(...Array.from({ length: 200 }, (_, index) => `d${index % 50}/f${index}.js`));

  test('by larger shards and neighbouring directories, which is noted', () => {
    const limits = { agents: 100, reviewers: 2, rounds: 3 };
    const { shards, notes } = sharded(facts(many, {}, { limits }));
    expect(shards.length * worstAgentsOfShard(limits)).toBeLessThanOrEqual(100);
    expect(notes).toEqual([
      expect.stringMatching(/^Shards hold up to \d+ files instead of 4 and join neighbouring directories, so that the worst case fits/u),
    ]);
  });

  test('else it is an error with the numbers', () => {
    expect(errorsOf(facts(many, {}, { limits: { agents: 10, reviewers: 2, rounds: 3 } }))).toEqual([
      expect.stringMatching(/^The limit of 10 agents has room for 1 inventory shards .* 200 files need at least \d+/u),
    ]);
  });
});

describe('for every inventory', () => {
  const segment = fc.constantFrom('a', 'b', 'c', 'core', 'A-b', 'é', 'x y');
  const path = fc
    .tuple(fc.array(segment, { maxLength: 4 }), fc.integer({ min: 0, max: 30 }))
    .map(([parts, n]) => [...parts, `f${n}.js`].join('/'));
  const inventoryOf = fc.uniqueArray(fc.record({ path, bytes: fc.integer({ min: 0, max: 300_000 }) }), {
    selector: (file) => file.path,
    minLength: 1,
    maxLength: 80,
  });
  const by = fc.constantFrom('directory' as const, 'owner' as const, 'size' as const);
  const order = fc.constantFrom<PlanDraft['order']>(
    [],
    [{ files: '**', after: 'core/**' }],
    [
      { files: '**/b/**', after: 'a/**' },
      { files: 'core/**', after: '**/b/**' },
    ],
  );
  const ownersOf = (file: string): readonly string[] => (file.startsWith('a/') ? ['@a'] : []);

  test('shards are disjoint, complete, bounded, uniquely named, startable, and the same for every order of the files', () => {
    fc.assert(
      fc.property(
        fc.record({
          inventory: inventoryOf,
          strategy: by,
          maxFiles: fc.integer({ min: 1, max: 10 }),
          rules: order,
          random: fc.infiniteStream(fc.nat()),
        }),
        ({ inventory, strategy, maxFiles, rules, random }) => {
          const given = facts(
            inventory,
            { sharding: { by: strategy, maxFiles }, order: rules, closing: [{ id: 'core', files: ['NEW'], task: 't' }] },
            { ownersOf },
          );
          const { shards, notes } = sharded(given);
          const inner = shards.filter((shard) => shard.kind === 'inventory');
          expect(inner.flatMap((shard) => shard.files).toSorted()).toEqual(inventory.map((file) => file.path).toSorted());
          expect(new Set(shards.map((shard) => shard.id)).size).toBe(shards.length);
          const size = new Map(inventory.map((file) => [file.path, file.bytes]));
          for (const shard of inner) {
            expect(shard.id).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/u);
            if (notes.length > 0) continue;
            expect(shard.files.length).toBeLessThanOrEqual(maxFiles);
            const bytes = shard.files.reduce((sum, file) => sum + (size.get(file) ?? 0), 0);
            expect(shard.files.length === 1 || bytes <= 256 * 1024).toBe(true);
          }
          const seen = new Set<string>();
          for (const shard of shards) {
            for (const id of shard.after) expect(seen.has(id)).toBe(true);
            seen.add(shard.id);
          }
          const shuffled = inventory.map((file) => ({ file, at: random.next().value ?? 0 })).toSorted((a, b) => a.at - b.at);
          expect(shardFiles({ ...given, inventory: shuffled.map(({ file }) => file) })).toEqual({ kind: 'sharded', shards, notes });
        },
      ),
      { numRuns: 150 },
    );
  });
});
