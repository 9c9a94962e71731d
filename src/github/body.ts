/** GitHub refuses bodies above 65,536 characters, and texts of check runs above 65,535; what is cut is told (facts/github.md §4). */
const LONGEST = 60_000;

/** The text, cut where GitHub would refuse it, with a note that says so. */
export function clip(text: string): string {
  if (text.length <= LONGEST) return text;
  const kept = text.slice(0, LONGEST).replace(/[\uD800-\uDBFF]$/u, '');
  const inFence = (kept.match(/^ {0,3}```/gmu) ?? []).length % 2 === 1;
  const left = text.length - kept.length;
  return `${kept}${inFence ? '\n```' : ''}\n\n*Cut here: ${left.toLocaleString('en')} more characters do not fit into what GitHub accepts.*`;
}
