import { count } from '../../domain/amounts.ts';
import { failed, passed } from '../gate.ts';
import type { Gate } from '../gate.ts';

const NAME = 'not-empty';

/** A change that changes nothing is no success (facts/verification.md §3). */
export const notEmpty: Gate = async ({ shard, diff }) => {
  if (diff.length > 0) return passed(NAME, `${count(diff.length, 'file')} changed`);
  return failed(NAME, 'the change changes nothing', [
    {
      path: shard.files[0] ?? shard.id,
      line: null,
      side: 'RIGHT',
      claim: `Nothing changed, but shard ${shard.id} still has files to migrate: ${shard.files.join(', ')}.`,
      evidence: { kind: 'command', name: 'git diff', output: '(empty)' },
    },
  ]);
};
