import { cutMarkdown } from '../domain/markdown-cut.ts';

/** GitHub refuses bodies above 65,536 characters, and texts of check runs above 65,535; what is cut is told (facts/github.md §4). */
const LONGEST = 60_000;

/** The text, cut where GitHub would refuse it, with a note that says so. */
export function clip(text: string): string {
  return cutMarkdown(text, LONGEST);
}
