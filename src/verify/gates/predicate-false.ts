import { ConvergeError } from '../../domain/errors.ts';
import { count } from '../../domain/amounts.ts';
import { failed, passed, skipped } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';
import { ownedPaths } from '../ownership.ts';

const NAME = 'predicate-false';

/** Nothing is left to migrate in the shard's files of the inventory, nor in what they were renamed to. A deleted file is done. */
export const predicateFalse: Gate = async (context) => {
  const { plan, shard } = context;
  const files = shard.files.filter((file) => plan.inventory.includes(file));
  if (files.length === 0)
    return skipped(NAME, `a ${shard.kind} shard has a task of its own; whether its files have something left to migrate is not asked`);
  const paths = ownedPaths({ ...shard, files }, plan.draft.renames);
  const objections = (await Promise.all(paths.map((path) => ask(context, path)))).filter((objection) => objection !== null);
  return objections.length === 0
    ? passed(NAME, `nothing left to migrate in ${count(files.length, 'file')}`)
    : failed(NAME, `still to migrate: ${objections.map((objection) => `\`${objection.path}\``).join(', ')}`, objections);
};

async function ask({ plan, after, predicate }: GateContext, path: string): Promise<Objection | null> {
  const read = await after.read(path);
  if (read.kind !== 'file') return null;
  const place = { path, line: null, side: 'RIGHT' as const };
  try {
    if (!(await predicate.holds(path, read.bytes, after.tree))) return null;
  } catch (error) {
    // A predicate that cannot answer proves nothing: the change is not done until it does.
    if (!(error instanceof ConvergeError) || error.retry === 'later') throw error;
    const claim = `The predicate could not be asked about \`${path}\` after the change: ${error.message}`;
    return { ...place, claim, evidence: { kind: 'command', name: NAME, output: error.detail ?? error.message } };
  }
  return {
    ...place,
    claim: `\`${path}\` still has something to migrate: the plan's predicate holds for it.`,
    evidence: { kind: 'command', name: NAME, output: `holds for ${path}: ${JSON.stringify(plan.draft.predicate)}` },
  };
}
