import type { Change, Overlay } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { Repository } from '../git/workspace.ts';
import type { Handles } from './handles.ts';

/**
 * The changes that are to be laid under another one: those given, each after what it was itself made on. Of a shard that is given, only the given change counts.
 * Refuses two changes of one shard (kind `script`).
 */
export async function underlying(handles: Handles, given: readonly Change[]): Promise<readonly Change[]> {
  const own = new Map<string, Change>();
  for (const change of given) {
    const other = own.get(change.shard);
    if (other !== undefined && other.id !== change.id) {
      throw new ConvergeError(
        'script',
        `\`on\` has two changes of shard ${change.shard} (\`${other.id}\` and \`${change.id}\`); expected at most one a shard.`,
      );
    }
    own.set(change.shard, change);
  }
  const laid = new Map<string, Change>();
  const met = new Set<string>();
  const lay = async (change: Change): Promise<void> => {
    const chosen = own.get(change.shard) ?? change;
    if (met.has(chosen.shard)) return;
    met.add(chosen.shard);
    for (const id of chosen.on) await lay(await handles.change(id));
    laid.set(chosen.shard, chosen);
  };
  for (const change of given) await lay(change);
  return [...laid.values()];
}

/** The tree of the base with changes laid over it. */
export async function treeWith(
  ports: { readonly plan: Plan; readonly repository: Repository },
  changes: readonly Change[],
): Promise<string> {
  return changes.length === 0 ? ports.plan.base.tree : ports.repository.layer(ports.plan.base.tree, overlaysOf(changes));
}

export function overlaysOf(changes: readonly Change[]): readonly Overlay[] {
  return changes.map((change) => change.overlay);
}
