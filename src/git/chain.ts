import { formatCommit, type Signature } from './commit.ts';
import { lay, type ObjectStore } from './layer.ts';
import type { Link, Tip } from './workspace.ts';

/** Objects of a chain that are kept in memory until they are written. */
const WRITTEN_AT_ONCE = 8_192;

/** Commits on top of each other, each with its overlays laid over the tree before; few writes for all of them. */
export async function chain(
  { trees, writer }: ObjectStore,
  onto: Tip,
  { links, by }: { links: readonly Link[]; by: Signature },
): Promise<readonly Tip[]> {
  const tips: Tip[] = [];
  let writing = writer.begin();
  for (const { overlays, message, date } of links) {
    const { commit, tree: before } = tips.at(-1) ?? onto;
    const tree = await lay({ trees, writing }, before, overlays);
    tips.push({ commit: writing.add('commit', formatCommit({ message, parents: [commit], tree, date }, by)), tree });
    if (writing.size < WRITTEN_AT_ONCE) continue;
    await writing.settled();
    writing = writer.begin();
  }
  await writing.settled();
  return tips;
}
