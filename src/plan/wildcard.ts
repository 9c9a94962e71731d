/** How one pattern is written: which of its parts stands for any number of items, and when another part is the same as an item. */
export interface Wildcard<Part, Item> {
  readonly isStar: (part: Part) => boolean;
  readonly same: (part: Part, item: Item) => boolean;
}

/**
 * Greedy wildcard match of a whole sequence. Two pointers that only go back to the last star: linear for real patterns and quadratic at worst,
 * where a regular expression made of the same pattern can take exponential time on a hostile one.
 */
export function matchesWildcard<Part, Item>(pattern: readonly Part[], items: readonly Item[], rules: Wildcard<Part, Item>): boolean {
  let at = 0;
  let next = 0;
  let star = -1;
  let resume = 0;
  while (next < items.length) {
    const part = pattern[at];
    const item = items[next];
    if (part !== undefined && rules.isStar(part)) {
      star = at;
      resume = next;
      at += 1;
    } else if (part !== undefined && item !== undefined && rules.same(part, item)) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      resume += 1;
      at = star + 1;
      next = resume;
    } else return false;
  }
  return pattern.slice(at).every((part) => rules.isStar(part));
}
