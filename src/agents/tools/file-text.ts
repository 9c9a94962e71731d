import type { Workspace } from '../../git/workspace.ts';

export const MOST_BYTES = 256 * 1024;

export type FileText =
  | { readonly ok: true; readonly text: string; readonly bytes: number }
  | { readonly ok: false; readonly kind: 'absent' | 'other'; readonly reason: string };

/** A file of the workspace as text, or why it has none, told to the model. */
export async function textOf(workspace: Workspace, path: string): Promise<FileText> {
  const file = await workspace.read(path);
  switch (file.kind) {
    case 'absent':
      return {
        ok: false,
        kind: 'absent',
        reason: `There is no file \`${path}\`. Paths are relative to the repository's root; \`glob\` lists what is there.`,
      };
    case 'directory':
      return {
        ok: false,
        kind: 'other',
        reason: `\`${path}\` is a directory. List its files with \`glob\`, pattern \`${path.replace(/\/$/, '')}/**\`.`,
      };
    case 'link':
      return {
        ok: false,
        kind: 'other',
        reason: `\`${path}\` is a symbolic link to \`${file.target}\`. Links are not followed and cannot be changed here; name the file itself.`,
      };
    case 'submodule':
      return { ok: false, kind: 'other', reason: `\`${path}\` is a submodule: another repository, which cannot be read or changed here.` };
    case 'file': {
      const text = file.bytes.toString('utf8');
      if (text.includes('\0') || !Buffer.from(text, 'utf8').equals(file.bytes)) {
        return {
          ok: false,
          kind: 'other',
          reason: `\`${path}\` is not UTF-8 text (${file.bytes.length} bytes). It cannot be read or edited as text.`,
        };
      }
      return { ok: true, text, bytes: file.bytes.length };
    }
  }
}

/** Paths as models like to write them, as git knows them. */
export function tidyPath(path: string): string {
  return path.replace(/^(\.\/)+/, '').replace(/(?<=.)\/+$/, '');
}

export type LineEnd = '\n' | '\r\n';

/** `\r\n` only when every line ends so: then edits written with `\n` are meant with it. */
export function lineEndOf(text: string): LineEnd {
  const all = text.split('\n').length - 1;
  return all > 0 && text.split('\r\n').length - 1 === all ? '\r\n' : '\n';
}

/** The text with that line end, when it has plain ones only. */
export function withLineEnd(text: string, end: LineEnd): string {
  return end === '\n' || text.includes('\r\n') ? text : text.replaceAll('\n', '\r\n');
}

/** Lines without their ends; a last line end begins no line. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}
