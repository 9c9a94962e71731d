import { readCommits } from '../github/present/commits.ts';
import { colourOf, resultIcon, wordsOf } from './checks-list.ts';
import { html } from './html.ts';
import type { Html } from './html.ts';
import { repositoryFrame, repositoryTitle } from './layout.ts';
import { markdown } from './markdown.ts';
import { moment } from './person.ts';
import { pullFrame } from './pull-frame.ts';
import type { CheckRun, Page, PullView, RepositoryView } from './view.ts';
import { checkRunsAt, commitUrl, surroundings } from './view.ts';

/** A commit of the pull request, or the one it left the base branch at, with what was checked there. */
interface Checked {
  readonly sha: string;
  readonly name: string;
  readonly runs: readonly CheckRun[];
}

/** What was checked at the head, beside what the same checks said before the change. */
export async function checksPage(view: PullView): Promise<Page> {
  const head = { sha: view.pull.headSha, name: 'Head', runs: checkRunsAt(view, view.pull.headSha) };
  const before = await baseOf(view);
  const rest = view.commits
    .filter((commit) => commit.sha !== head.sha && commit.sha !== before?.sha)
    .map((commit) => ({ sha: commit.sha, name: commit.message.split('\n')[0] ?? '', runs: checkRunsAt(view, commit.sha) }))
    .filter(({ runs }) => runs.length > 0);
  const all = [head, ...(before ? [before] : []), ...rest.toReversed()];
  const body = html`<div class="browse">
    <nav>${all.map((checked) => navigation(checked))}</nav>
    <div>
      ${before && comparison(before, head)}
      ${head.runs.length === 0 && html`<div class="list"><p class="empty">Nothing has reported on the head commit.</p></div>`}${all.map((checked) => section(view, checked, checked === head))}
    </div>
  </div>`;
  return pullFrame(view, { tab: 'checks', body });
}

/** Where the files are as they were before any change: an empty first commit, which has CI of its own, or what the branch left its base at. Null without checks. */
async function baseOf(view: PullView): Promise<Checked | null> {
  const { hub, repository, commits, forkSha, pull } = view;
  const [fork] = await readCommits(hub.site, repository, ['--max-count=1', forkSha]);
  const [first] = commits;
  const empty = first && first.sha !== pull.headSha && first.tree === fork?.tree ? [first.sha] : [];
  const found = [...empty, forkSha].map((sha) => ({ sha, name: 'Base', runs: checkRunsAt(view, sha) }));
  return found.find(({ runs }) => runs.length > 0) ?? null;
}

/** Each check at the base beside itself at the head. */
function comparison(base: Checked, head: Checked): Html {
  const names = [...new Set([...base.runs, ...head.runs].map((run) => run.name))];
  const cell = (run: CheckRun | undefined): Html =>
    run
      ? html`<a class="plain" href="#run-${run.id}">${resultIcon(colourOf(run))} ${wordsOf(run)}</a>`
      : html`<span class="soft">not run</span>`;
  const rows = names.map(
    (name) =>
      html`<tr>
        <td><b>${name}</b></td>
        <td>${cell(base.runs.find((run) => run.name === name))}</td>
        <td>${cell(head.runs.find((run) => run.name === name))}</td>
      </tr>`,
  );
  return html`<table class="compare">
    <tr>
      <th>Check</th>
      <th>Base <span class="sha">${base.sha.slice(0, 7)}</span></th>
      <th>Head <span class="sha">${head.sha.slice(0, 7)}</span></th>
    </tr>
    ${rows}
  </table>`;
}

function navigation({ sha, name, runs }: Checked): Html {
  return html`<h2>${name} <span class="sha">${sha.slice(0, 7)}</span></h2>
    ${runs.map((run) => html`<a href="#run-${run.id}">${resultIcon(colourOf(run))}<span>${run.suite.app.name} / ${run.name}</span></a>`)}`;
}

function section(view: RepositoryView, { sha, name, runs }: Checked, open: boolean): Html {
  const cards = runs.map((run) => runCard(view, run, open));
  return runs.length === 0
    ? html``
    : html`<h2>${name} <a class="sha" href="${commitUrl(view.home, sha)}">${sha.slice(0, 7)}</a></h2>
        ${cards}`;
}

function runCard(view: RepositoryView, run: CheckRun, open: boolean): Html {
  const { output, detailsUrl, suite } = run;
  const around = surroundings(view);
  const parts = [output.summary, output.text].filter((text) => text !== null && text !== '').map((text) => markdown(text ?? '', around));
  const details = detailsUrl !== null && /^https?:/u.test(detailsUrl) && html`<a href="${detailsUrl}" rel="nofollow noopener">Details</a>`;
  return html`<details class="run" id="run-${run.id}" ${open && html` open`}>
    <summary>
      ${resultIcon(colourOf(run))}<b>${suite.app.name} / ${run.name}</b
      ><span class="soft grow">${wordsOf(run)} · started ${moment(view, run.startedAt)}</span>${details}<a
        class="soft"
        href="${view.home}/runs/${run.id}"
        title="This check alone"
        >#</a
      >
    </summary>
    <div class="body">
      ${output.title !== null && html`<h2>${output.title}</h2>`}${parts.length === 0 && html`<p class="soft">No output.</p>`}${parts}${run.annotations.map((one) => annotation(one))}
    </div>
  </details>`;
}

function annotation(one: CheckRun['annotations'][number]): Html {
  const lines = one.start_line === one.end_line ? `line ${one.start_line}` : `lines ${one.start_line} to ${one.end_line}`;
  return html`<div class="annotation ${one.annotation_level}">
    <b>${one.title ?? one.annotation_level}</b> <span class="sha">${one.path}, ${lines}</span>
    <p class="message">${one.message}</p>
  </div>`;
}

/** One check run by itself; null when there is none of this number in the repository. */
export function runPage(view: RepositoryView, id: string): Page | null {
  const run = view.hub.state.checkRuns.get(Number(id));
  if (!run || run.suite.repository.id !== view.repository.id) return null;
  const sha = run.suite.headSha;
  const pulls = [...view.repository.issues.values()].filter((issue) => issue.pull?.headSha === sha);
  const links = pulls.map((issue) => html` · <a href="${view.home}/pull/${issue.number}/checks">#${issue.number} ${issue.title}</a>`);
  const body = html`<h1 class="title">${run.name}</h1>
    <div class="about">at <a class="sha" href="${commitUrl(view.home, sha)}">${sha.slice(0, 7)}</a>${links}</div>
    ${runCard(view, run, true)}`;
  return { title: repositoryTitle(view, run.name), body: repositoryFrame(view, { tab: 'pulls', body }) };
}
