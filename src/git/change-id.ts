import { createHash } from 'node:crypto';
import type { Edit } from '../domain/change.ts';
import type { ChangeContent } from './workspace.ts';

/** Id of a change: the same work on the same base has the same id. First 16 hex digits of sha256 over the content in one canonical spelling. */
export function changeId(content: ChangeContent): string {
  const { shard, baseTree, on, overlay } = content;
  const edits = [...overlay].sort((a, b) => (a.path < b.path ? -1 : 1)).map(spell);
  return createHash('sha256')
    .update(JSON.stringify([shard, baseTree, on, edits]))
    .digest('hex')
    .slice(0, 16);
}

function spell(edit: Edit): readonly string[] {
  if ('deleted' in edit) return [edit.path, 'deleted'];
  return 'utf8' in edit.content ? [edit.path, edit.mode, 'utf8', edit.content.utf8] : [edit.path, edit.mode, 'base64', edit.content.base64];
}
