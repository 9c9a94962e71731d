/** What a tool answered to one call. */
export interface ToolResult {
  readonly text: string;
  readonly failed: boolean;
}

/** The file that `read` showed as numbered lines; null when it showed none. */
export function readText(result: ToolResult | undefined): string | null {
  if (result === undefined || result.failed) return null;
  const lines = result.text.split('\n').flatMap((line) => {
    const numbered = /^ *\d+[\t→]([^]*)$/.exec(line);
    return numbered === null ? [] : [numbered[1] ?? ''];
  });
  if (lines.length === 0) return null;
  return result.text.includes('(no line end after the last line)') ? lines.join('\n') : `${lines.join('\n')}\n`;
}

export interface Hit {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

/** The lines `path:line:text` that `grep` showed. */
export function grepHits(result: ToolResult | undefined): readonly Hit[] {
  if (result === undefined || result.failed) return [];
  return result.text.split('\n').flatMap((line) => {
    const found = /^([^\s:][^:]*):(\d+):\s?(.*)$/.exec(line);
    return found === null ? [] : [{ path: found[1] ?? '', line: Number(found[2]), text: found[3] ?? '' }];
  });
}
