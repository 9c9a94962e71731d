/** Levels of quotes and lists: deeper than people write. */
const DEEPEST = 40;

const DEEP = new RegExp(`^[ \\t]*(?:(?:>|[-*+]|\\d{1,9}[.)])[ \\t]*){${DEEPEST}}|^[ \\t]{${DEEPEST * 4}}`, 'mu');

/** Whether quotes or lists stand in each other so deep that a parser of Markdown would run out of stack: whoever may comment can write that. */
export function isDeep(markdown: string): boolean {
  return DEEP.test(markdown);
}
