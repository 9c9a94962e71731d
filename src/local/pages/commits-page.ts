import { mark } from './checks-list.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { avatar, moment } from './person.ts';
import { pullFrame } from './pull-frame.ts';
import type { Page, PullView } from './view.ts';
import { commitUrl } from './view.ts';

/** The commits of a pull request, oldest first. */
export function commitsPage(view: PullView): Page {
  const rows = view.commits.map((commit): Html => {
    const [subject = '', ...rest] = commit.message.split('\n');
    const more = rest.join('\n').trim();
    const url = commitUrl(view.home, commit.sha);
    const picture = avatar({ login: commit.author.name, type: commit.author.name.endsWith('[bot]') ? 'Bot' : 'User' }, 20);
    return html`<li>
      <div class="grow">
        <a class="headline" href="${url}">${subject}</a>${
          more !== '' &&
          html`<details>
            <summary class="soft">Message</summary>
            <pre class="message">${more}</pre>
          </details>`
        }
        <p class="soft">${picture} ${commit.author.name} committed ${moment(view, commit.committer.seconds * 1000)}</p>
      </div>
      ${mark(view, commit.sha)}<a class="sha" href="${url}">${commit.sha.slice(0, 7)}</a>
    </li>`;
  });
  const body = html`<section class="list">
    <header>${view.commits.length} commits</header>
    <ul>
      ${rows}
    </ul>
  </section>`;
  return pullFrame(view, { tab: 'commits', body });
}
