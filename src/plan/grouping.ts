import type { PlanDraft } from '../domain/plan.ts';
import type { InventoryFile } from './inventory.ts';

/** Files of one shard to be, and what it is called after. */
export interface Group {
  readonly name: string;
  readonly files: readonly InventoryFile[];
}

export interface Grouping {
  readonly by: PlanDraft['sharding']['by'];
  readonly maxFiles: number;
  /** A single larger file is a group of its own. */
  readonly maxBytes: number;
  /** Puts neighbours in path order together where both fit: fewer groups than there are directories or owners. */
  readonly merge: boolean;
  readonly ownersOf: (path: string) => readonly string[];
  /** Files with different answers are never in one group. */
  readonly apart: (path: string) => string;
}

/** Disjoint, complete, bounded by `maxFiles` and `maxBytes`, and the same whatever the order of `files`. */
export function groupFiles(files: readonly InventoryFile[], how: Grouping): readonly Group[] {
  const families = Map.groupBy(files.toSorted(byPath), (file) => JSON.stringify([how.apart(file.path), familyOf(file.path, how)]));
  const groups = [...families.values()].flatMap((family) => split(family, how));
  const merged = how.merge ? mergeNeighbours(groups, how) : groups;
  return merged.map((group) => ({ name: nameOf(group, how), files: group })).toSorted((a, b) => compare(first(a.files), first(b.files)));
}

type Files = readonly InventoryFile[];

function familyOf(path: string, how: Grouping): string {
  switch (how.by) {
    case 'directory':
      return directoryOf(path);
    case 'owner':
      return how.ownersOf(path).join(' ');
    case 'size':
      return '';
  }
}

/** In chunks of about the same number of files. */
function split(family: Files, how: Grouping): readonly Files[] {
  const even = Math.ceil(family.length / Math.ceil(family.length / how.maxFiles));
  const chunks: InventoryFile[][] = [];
  for (const file of family) {
    const open = chunks.at(-1);
    if (open !== undefined && fits(open, [file], { ...how, maxFiles: even })) open.push(file);
    else chunks.push([file]);
  }
  return chunks;
}

function mergeNeighbours(groups: readonly Files[], how: Grouping): readonly Files[] {
  const merged: { readonly apart: string; files: Files }[] = [];
  const keyed = groups.map((files) => ({ apart: how.apart(first(files)), files }));
  for (const next of keyed.toSorted((a, b) => compare(a.apart, b.apart) || compare(first(a.files), first(b.files)))) {
    const open = merged.at(-1);
    if (open !== undefined && open.apart === next.apart && fits(open.files, next.files, how)) {
      open.files = [...open.files, ...next.files].toSorted(byPath);
    } else merged.push({ ...next });
  }
  return merged.map(({ files }) => files);
}

function fits(open: Files, more: Files, { maxFiles, maxBytes }: Pick<Grouping, 'maxFiles' | 'maxBytes'>): boolean {
  const bytes = [...open, ...more].reduce((sum, file) => sum + file.bytes, 0);
  return open.length + more.length <= maxFiles && bytes <= maxBytes;
}

function nameOf(group: Files, how: Grouping): string {
  if (how.by !== 'owner') return commonDirectory(group) || 'root';
  const owners = new Set(group.map((file) => how.ownersOf(file.path).join(' ')));
  return [...owners].map((owner) => owner || 'unowned').join(' ');
}

function commonDirectory(group: Files): string {
  const [start, ...others] = group.map((file) => file.path.split('/').slice(0, -1));
  if (start === undefined) return '';
  const length = start.findIndex((part, index) => others.some((other) => other[index] !== part));
  return (length === -1 ? start : start.slice(0, length)).join('/');
}

function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function first(files: Files): string {
  return files[0]?.path ?? '';
}

function byPath(a: InventoryFile, b: InventoryFile): number {
  return compare(a.path, b.path);
}

/** By code units: the same on every machine, whatever its locale. */
export function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
