import { conversation } from './conversation.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { icon } from './icons.ts';
import { stateBadge, stateOf } from './issue-state.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import { count } from '../../domain/amounts.ts';
import { author, avatar, moment } from './person.ts';
import type { Account, Issue, Page, RepositoryView } from './view.ts';
import { issueUrl } from './view.ts';

/** Null when no issue has this number, or when it is a pull request. */
export async function issuePage(view: RepositoryView, number: number): Promise<Page | null> {
  const issue = view.repository.issues.get(number);
  if (!issue || issue.pull) return null;
  const said = [...view.hub.state.comments.values()].filter(
    (one) => one.repository.id === view.repository.id && one.issueNumber === number,
  );
  const body = html`<h1 class="title">${issue.title} <span class="number">#${number}</span></h1>
    <div class="about">
      ${stateBadge(issue)}<span
        >${author(view, issue.author)} opened this issue ${moment(view, issue.createdAt)} · ${count(said.length, 'comment')}</span
      >
    </div>
    <hr class="rule" />
    <div class="columns">
      <div>${await conversation(view, issue, null)}</div>
      ${sidebar(view, issue, [])}
    </div>`;
  return { title: repositoryTitle(view, `${issue.title} #${number}`), body: repositoryFrame(view, { tab: 'issues', body }) };
}

interface Section {
  readonly title: string;
  readonly lines: readonly Html[];
  readonly none: string;
}

/** Labels, what is linked, and who takes part; `more` comes first. */
export function sidebar(view: RepositoryView, issue: Issue, more: readonly Section[]): Html {
  const sections: readonly Section[] = [
    ...more,
    { title: 'Labels', lines: issue.labels.map((label) => html`<span class="label">${label}</span>`), none: 'None yet' },
    { title: 'Development', lines: linked(view, issue), none: issue.pull ? 'Closes no issue' : 'No pull request closes this' },
    {
      title: 'Participants',
      lines: participants(view, issue).map((account) => html`${avatar(account, 20)}${author(view, account)}`),
      none: '',
    },
  ];
  return html`<aside>
    ${sections.map(
      ({ title, lines, none }) =>
        html`<section>
          <h2>${title}</h2>
          ${
            lines.length === 0
              ? html`<span class="soft">${none}</span>`
              : html`<ul>
                  ${lines.map((line) => html`<li>${line}</li>`)}
                </ul>`
          }
        </section>`,
    )}
  </aside>`;
}

function linked({ repository, home }: RepositoryView, issue: Issue): readonly Html[] {
  const others = [...repository.issues.values()].filter((other) =>
    issue.pull ? issue.pull.closes.includes(other.number) : (other.pull?.closes.includes(issue.number) ?? false),
  );
  return others.map((other) => {
    const { kind, drawing } = stateOf(other);
    return html`<span class="is-${kind}">${icon(drawing)}</span
      ><a class="plain" href="${issueUrl(home, other)}">${other.title} <span class="soft">#${other.number}</span></a>`;
  });
}

function participants({ hub, repository }: RepositoryView, issue: Issue): readonly Account[] {
  const comments = [...hub.state.comments.values()].filter((one) => one.issueNumber === issue.number);
  const reviews = [...hub.state.reviews.values()].filter((one) => one.pullNumber === issue.number);
  const here = [...comments, ...reviews].filter((one) => one.repository.id === repository.id);
  const accounts = [issue.author, ...here.map((one) => one.author)];
  return [...new Map(accounts.map((account) => [account.id, account])).values()];
}
