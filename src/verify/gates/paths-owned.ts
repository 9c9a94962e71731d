import { count } from '../../domain/amounts.ts';
import { failed, firstChange, passed, pathBefore } from '../gate.ts';
import type { Gate } from '../gate.ts';
import { ownedPaths } from '../ownership.ts';

const NAME = 'paths-owned';

/** A change touches only its shard's files and what the plan's rename patterns make of them. */
export const pathsOwned: Gate = async ({ plan, shard, diff }) => {
  const owned = ownedPaths(shard, plan.draft.renames);
  const outside = diff.flatMap((file) => {
    const paths = [...new Set([file.path, pathBefore(file) ?? file.path])].filter((path) => !owned.includes(path));
    const { line, side, evidence } = firstChange(file);
    const claim = `It does not belong to shard ${shard.id}. Put it back as it was; only these files may change: ${owned.join(', ')}.`;
    return paths.map((path) => ({ path, line, side, evidence, claim }));
  });
  return outside.length === 0
    ? passed(NAME, `${count(diff.length, 'file')} changed, all of them the shard's`)
    : failed(NAME, `changed outside of the shard: ${outside.map((objection) => objection.path).join(', ')}`, outside);
};
