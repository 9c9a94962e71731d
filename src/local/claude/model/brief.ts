/** Text by others that a prompt holds between marks. */
export interface Fenced {
  readonly name: string;
  readonly text: string;
}

const FENCE = /<data name="([^"\n]*)" mark="(\w+)">\n([^]*?)\n?<\/data mark="\2">/g;

export function fencedTexts(prompt: string): readonly Fenced[] {
  return [...prompt.matchAll(FENCE)].map((found) => ({ name: found[1] ?? '', text: found[3] ?? '' }));
}

/** The prompt without what others wrote. */
function ownWords(prompt: string): string {
  return prompt.replaceAll(FENCE, '');
}

/** The first list of paths that follows a line about files. */
export function listedFiles(prompt: string): readonly string[] {
  const lines = ownWords(prompt).split('\n');
  const start = lines.findIndex((line, at) => /\bfiles?\b/i.test(line) && followingPaths(lines.slice(at + 1)).length > 0);
  return start < 0 ? [] : followingPaths(lines.slice(start + 1));
}

function followingPaths(lines: readonly string[]): readonly string[] {
  const first = lines.findIndex((line) => line.trim() !== '');
  if (first < 0) return [];
  const paths: string[] = [];
  for (const line of lines.slice(first)) {
    const path = /^\s*[-*] +(?:`([^`]+)`|([^\s`]+(?: [^\s(`]+)*))/.exec(line);
    if (path === null) break;
    paths.push(path[1] ?? path[2] ?? '');
  }
  return paths.filter((path) => /[./]/.test(path) && !path.endsWith('.'));
}

/** The section of the prompt whose heading speaks of findings, with what stands below it; null when there is none. */
export function findingsSection(prompt: string): string | null {
  const text = ownWords(prompt);
  const headings = [...text.matchAll(/^(#{1,4}) (.*)$/gm)].map((found) => ({
    at: found.index,
    depth: found[1]?.length ?? 0,
    title: found[2] ?? '',
  }));
  const own = headings.filter((one) => /finding|objection/i.test(one.title)).toSorted((a, b) => b.depth - a.depth)[0];
  if (own === undefined) return null;
  const next = headings.find((one) => one.at > own.at && one.depth <= own.depth);
  return text.slice(own.at, next?.at ?? text.length);
}

/** The guide's rules as the system prompt shows them: `## G2: title`. */
export function guideRules(system: string): readonly { readonly id: string; readonly title: string; readonly text: string }[] {
  return [...system.matchAll(/^#{1,4} (G\d+)[:.)]?\s+(.*)$([^]*?)(?=^#{1,4} |$(?![^]))/gm)].map((found) => ({
    id: found[1] ?? '',
    title: (found[2] ?? '').trim(),
    text: (found[3] ?? '').trim(),
  }));
}
