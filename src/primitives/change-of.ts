import type { Change, Overlay } from '../domain/change.ts';
import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import { changeId } from '../git/change-id.ts';
import type { Repository } from '../git/workspace.ts';
import type { Handles } from './handles.ts';
import { overlaysOf, treeWith } from './layers.ts';

interface TreePorts {
  readonly plan: Plan;
  readonly repository: Repository;
}

export interface Work {
  readonly shard: string;
  /** What lies under the work, in order. */
  readonly on: readonly Change[];
  readonly overlay: Overlay;
  readonly summary: string;
  /** The change that is revised; null for a first one. */
  readonly replaces: Change | null;
}

/** Makes the change of an agent's final edits: the edits count, not what the agent says of them. */
export async function changeOf(work: Work, ports: TreePorts): Promise<Change> {
  const { repository, plan } = ports;
  const under = await treeWith(ports, work.on);
  const tree = await repository.layer(plan.base.tree, [...overlaysOf(work.on), work.overlay]);
  const diff = await repository.diff(under, tree);
  const on = work.on.map((change) => change.id);
  return {
    id: changeId({ shard: work.shard, on, overlay: work.overlay, baseTree: plan.base.tree }),
    shard: work.shard,
    on,
    overlay: work.overlay,
    tree,
    files: work.overlay.map((edit) => edit.path),
    added: diff.reduce((sum, file) => sum + file.added, 0),
    removed: diff.reduce((sum, file) => sum + file.removed, 0),
    summary: work.summary,
    replaces: work.replaces?.id ?? null,
    revision: work.replaces === null ? 0 : work.replaces.revision + 1,
  };
}

export interface Laid {
  readonly on: readonly Change[];
  /** Tree under the change. */
  readonly under: string;
}

/** Makes sure that a change's objects are in this process's mirror, from what the journal holds, and that they are the same ones. */
export async function lay(change: Change, ports: TreePorts & { readonly handles: Handles }): Promise<Laid> {
  const on: Change[] = [];
  for (const id of change.on) on.push(await ports.handles.change(id));
  const under = await treeWith(ports, on);
  const tree = await ports.repository.layer(ports.plan.base.tree, [...overlaysOf(on), change.overlay]);
  if (tree === change.tree) return { on, under };
  throw new ConvergeError(
    'git',
    `The change \`${change.id}\` of shard ${change.shard} does not give the tree that was recorded: ${tree} instead of ${change.tree}.`,
  );
}

/** A change as the script holds it. */
export function handleOf(change: Change): { readonly [field: string]: string | number | readonly string[] } {
  const { id, shard, tree, files, added, removed } = change;
  return { id, shard, tree, files, added, removed };
}
