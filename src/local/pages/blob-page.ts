import { html } from './html.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import type { Page, RepositoryView } from './view.ts';

/** A file at a commit, with line numbers; null when there is none. `place` is `<commit or branch>/<path>`. */
export async function blobPage(view: RepositoryView, place: string): Promise<Page | null> {
  const { hub, repository } = view;
  const [ref = '', ...path] = place.split('/');
  const name = path.join('/');
  if (!/^[\w.][\w.-]*$/u.test(ref) || name === '') return null;
  const found = await hub.site.git.run(repository.directory, ['cat-file', 'blob', `${ref}:${name}`]);
  if (found.exitCode !== 0) return null;
  const lines = found.stdout.toString('utf8').replace(/\n$/u, '').split('\n');
  const rows = found.stdout.includes(0)
    ? html`<p class="nothing">Binary file not shown.</p>`
    : html`<table class="diff">
        <colgroup>
          <col style="width:56px" />
          <col />
        </colgroup>
        ${lines.map(
          (line, index) =>
            html`<tr id="L${index + 1}">
              <td class="at">${index + 1}</td>
              <td class="source">${line}</td>
            </tr>`,
        )}
      </table>`;
  const body = html`<details class="file" open>
    <summary><span class="name">${name}</span><span class="soft">at ${ref.slice(0, 12)} · ${found.stdout.length} bytes</span></summary>
    ${rows}
  </details>`;
  return { title: repositoryTitle(view, name), body: repositoryFrame(view, { tab: 'issues', body }) };
}
