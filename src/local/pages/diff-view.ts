import type { DiffFile, Hunk } from '../github/diff.ts';
import type { Side } from '../github/state.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';

interface Line {
  readonly kind: 'added' | 'removed' | 'same' | 'told';
  readonly text: string;
  readonly left: number | null;
  readonly right: number | null;
}

/** The lines of a hunk with their numbers on both sides. */
function numbered(hunk: Pick<Hunk, 'oldStart' | 'newStart' | 'lines'>): readonly Line[] {
  let [left, right] = [hunk.oldStart - 1, hunk.newStart - 1];
  return hunk.lines.map((raw): Line => {
    const text = raw.slice(1);
    if (raw.startsWith('\\')) return { kind: 'told', text: text.trim(), left: null, right: null };
    if (raw.startsWith('+')) return { kind: 'added', text, left: null, right: (right += 1) };
    if (raw.startsWith('-')) return { kind: 'removed', text, left: (left += 1), right: null };
    return { kind: 'same', text, left: (left += 1), right: (right += 1) };
  });
}

const SIGNS = { added: '+', removed: '-', same: ' ', told: ' ' } as const;

function lineRow({ kind, text, left, right }: Line): Html {
  return html`<tr class="${kind}">
    <td class="at">${left ?? ''}</td>
    <td class="at">${right ?? ''}</td>
    <td class="source" data-sign="${SIGNS[kind]}">${kind === 'told' ? html`<span class="soft">${text}</span>` : text}</td>
  </tr>`;
}

/** The end of one hunk, as text of the diff's own format. */
export function hunkTable(patch: string, last: number): Html {
  const [header = '', ...lines] = patch.split('\n');
  const start = /^@@ -(\d+)(?:,\d+)? \+(\d+)/u.exec(header);
  const rows = numbered({ oldStart: Number(start?.[1] ?? 1), newStart: Number(start?.[2] ?? 1), lines });
  return html`<table class="diff">
    <colgroup>
      <col style="width:48px" />
      <col style="width:48px" />
      <col />
    </colgroup>
    ${rows.slice(-last).map(lineRow)}
  </table>`;
}

export interface Talk {
  readonly path: string;
  readonly side: Side;
  readonly line: number;
  /** The text of the line that it was said about: elsewhere, it is outdated. */
  readonly about: string;
  readonly shown: Html;
}

/** Changed lines above which a file is shown folded. */
const LARGE = 600;

/** One file of a diff, with what was said about its lines in place. */
export function fileDiff(file: DiffFile, talks: readonly Talk[]): Html {
  const lines = file.hunks.map((hunk) => ({ hunk, lines: numbered(hunk) }));
  const all = lines.flatMap((one) => one.lines);
  const placed = new Map(talks.map((talk) => [talk, all.find((line) => isAbout(line, talk))]));
  const outdated = talks.filter((talk) => placed.get(talk) === undefined);
  const after = (line: Line): Html[] => talks.filter((talk) => placed.get(talk) === line).map((talk) => talk.shown);
  const rows = lines.map(
    ({ hunk, lines }) =>
      html`<tr class="hunk">
          <td class="at"></td>
          <td class="at"></td>
          <td class="source">${hunk.header}</td>
        </tr>
        ${lines.map((line) => html`${lineRow(line)}${talkRow(after(line))}`)}`,
  );
  const folded = file.additions + file.deletions > LARGE && talks.length === 0;
  return html`<details class="file" id="${fileAnchor(file.path)}" ${!folded && html` open`}>
    <summary>
      ${changes(file)}<span class="name">${nameOf(file)}</span
      >${file.status !== 'modified' && html`<span class="badge">${file.status}</span>`}
    </summary>
    ${
      rows.length === 0
        ? html`<p class="nothing">${emptyReason(file)}</p>`
        : html`<table class="diff">
            <colgroup>
              <col style="width:48px" />
              <col style="width:48px" />
              <col />
            </colgroup>
            ${rows}${talkRow(outdated.map((talk) => html`<span class="badge">Outdated: the line has changed since</span>${talk.shown}`))}
          </table>`
    }
  </details>`;
}

function isAbout(line: Line, talk: Talk): boolean {
  return (talk.side === 'LEFT' ? line.left : line.right) === talk.line && line.text === talk.about;
}

function talkRow(shown: readonly Html[]): Html | null {
  return shown.length === 0
    ? null
    : html`<tr class="talk">
        <td colspan="3"><div class="thread">${shown}</div></td>
      </tr>`;
}

function nameOf(file: DiffFile): string {
  return file.previousPath === null ? file.path : `${file.previousPath} → ${file.path}`;
}

function emptyReason(file: DiffFile): string {
  if (file.binary) return 'Binary file not shown.';
  return file.status === 'renamed' ? 'File renamed without changes.' : 'Empty file, or only its mode changed.';
}

/** Five small squares: how much of a change adds and how much removes. */
function changes({ additions, deletions }: DiffFile): Html {
  const total = additions + deletions;
  const plus = total === 0 ? 0 : Math.max(additions > 0 ? 1 : 0, Math.round((additions / total) * 5));
  const minus = total === 0 ? 0 : 5 - Math.min(plus, deletions > 0 ? 4 : 5);
  const squares = [...Array.from({ length: 5 - minus }, () => 'plus'), ...Array.from({ length: minus }, () => 'minus')];
  return html`<span>${total}</span
    ><span class="bar" title="${additions} added, ${deletions} removed"
      >${squares.map((kind) => html`<i class="${total === 0 ? '' : kind}"></i>`)}</span
    >`;
}

export function fileAnchor(path: string): string {
  return `diff-${Buffer.from(path).toString('base64url')}`;
}

/** All files beside a list of them, by folder. */
export function filesView(files: readonly DiffFile[], talks: readonly Talk[]): Html {
  const folders = Map.groupBy(files, (file) => file.path.split('/').slice(0, -1).join('/'));
  const list = [...folders].map(
    ([folder, inside]) =>
      html`${folder !== '' && html`<div class="folder">${folder}/</div>`}${inside.map((file) => {
        const said = talks.filter((talk) => talk.path === file.path).length;
        return html`<a href="#${fileAnchor(file.path)}" title="${file.path}"
          ><span>${file.path.split('/').at(-1) ?? ''}</span>${said > 0 && html`<span class="counter" title="Comments">${said}</span>`}<small
            class="plus"
            >+${file.additions}</small
          ><small class="minus">−${file.deletions}</small></a
        >`;
      })}`,
  );
  const shown = files.map((file) =>
    fileDiff(
      file,
      talks.filter((talk) => talk.path === file.path),
    ),
  );
  if (files.length === 0) return html`<div class="list"><p class="empty">No file differs.</p></div>`;
  return html`<div class="browse">
    <nav>
      <h2>${files.length === 1 ? '1 file' : `${files.length} files`} changed</h2>
      ${list}
    </nav>
    <div>${shown}</div>
  </div>`;
}
