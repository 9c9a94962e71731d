import { html } from './html.ts';
import type { Html } from './html.ts';
import { icon } from './icons.ts';
import { lasted } from './person.ts';
import type { CheckRun, RepositoryView } from './view.ts';
import { checkRunsAt } from './view.ts';

type Colour = 'good' | 'bad' | 'waiting' | 'quiet' | 'attention';

/** How one result looks: check runs and commit statuses alike. */
interface Result {
  readonly name: string;
  /** Login-like name of who reports. */
  readonly by: string;
  readonly colour: Colour;
  /** `Successful in 8 s` */
  readonly words: string;
  readonly title: string;
  readonly url: string | null;
}

const COLOURS: Readonly<Record<string, Colour>> = {
  success: 'good',
  failure: 'bad',
  error: 'bad',
  timed_out: 'bad',
  action_required: 'attention',
  cancelled: 'quiet',
  skipped: 'quiet',
  neutral: 'quiet',
  pending: 'waiting',
};

const WORDS: Readonly<Record<string, string>> = {
  success: 'Successful',
  failure: 'Failing',
  timed_out: 'Timed out',
  action_required: 'Action required',
  cancelled: 'Cancelled',
  skipped: 'Skipped',
  neutral: 'Completed',
};

export function colourOf(run: CheckRun): Colour {
  return run.status === 'completed' ? (COLOURS[run.conclusion ?? ''] ?? 'quiet') : 'waiting';
}

export function wordsOf(run: CheckRun): string {
  if (run.status === 'queued') return 'Queued';
  if (run.status === 'in_progress') return 'In progress';
  const time =
    run.completedAt === null ? '' : ` ${run.conclusion === 'success' ? 'in' : 'after'} ${lasted(run.completedAt - run.startedAt)}`;
  return `${WORDS[run.conclusion ?? ''] ?? 'Completed'}${time}`;
}

const ICONS = { good: 'tick', bad: 'cross', waiting: 'dot', quiet: 'square', attention: 'alert' } as const;

export function resultIcon(colour: Colour): Html {
  return html`<span class="result ${colour}">${icon(ICONS[colour])}</span>`;
}

/** Check runs and the newest commit status of each context, at one commit. */
function resultsAt(view: RepositoryView, sha: string): readonly Result[] {
  const { hub, repository, home } = view;
  const statuses = hub.state.statuses.filter((one) => one.repository.id === repository.id && one.sha === sha);
  const runs = checkRunsAt(view, sha).map((run) => ({
    name: run.name,
    by: run.suite.app.name,
    colour: colourOf(run),
    words: wordsOf(run),
    title: run.output.title ?? '',
    url: `${home}/runs/${run.id}`,
  }));
  const latest = [...new Map(statuses.map((one) => [one.context, one])).values()].map((one) => ({
    name: one.context,
    by: one.creator.login,
    colour: COLOURS[one.state] ?? 'quiet',
    words: one.state,
    title: one.description ?? '',
    url: one.targetUrl,
  }));
  return [...runs, ...latest];
}

/** The worst of a commit's results, as a mark beside the commit; null when nothing reported. */
export function mark(view: RepositoryView, sha: string): Html | null {
  const results = resultsAt(view, sha);
  const worst = ORDER.find((colour) => results.some((result) => result.colour === colour));
  return worst ? html`<a class="mark" href="${view.home}/commit/${sha}" title="${tally(results)}">${resultIcon(worst)}</a>` : null;
}

const ORDER: readonly Colour[] = ['waiting', 'bad', 'attention', 'good', 'quiet'];

function tally(results: readonly Result[]): string {
  const names = {
    bad: 'failing',
    attention: 'waiting for a person',
    waiting: 'in progress',
    quiet: 'neutral or skipped',
    good: 'successful',
  };
  const counted = (['bad', 'attention', 'waiting', 'quiet', 'good'] as const).map((colour) => ({
    colour,
    count: results.filter((result) => result.colour === colour).length,
  }));
  const told = counted.filter(({ count }) => count > 0).map(({ colour, count }) => `${count} ${names[colour]}`);
  return told.length === 0 ? 'No checks' : `${told.join(', ')} ${results.length === 1 ? 'check' : 'checks'}`;
}

/** The checks of a commit, as they stand above the merge button. */
export function checksBox(view: RepositoryView, sha: string): Html {
  const results = resultsAt(view, sha);
  if (results.length === 0) {
    return html`<div class="row">
      <span class="result quiet">${icon('checks')}</span>
      <div>
        <b>No checks</b>
        <p class="soft">Nothing has reported on the head commit.</p>
      </div>
    </div>`;
  }
  const worst = ORDER.find((colour) => results.some((result) => result.colour === colour)) ?? 'quiet';
  const headline = {
    waiting: 'Some checks haven’t completed yet',
    bad: results.every((result) => result.colour === 'bad') ? 'All checks have failed' : 'Some checks were not successful',
    attention: 'Some checks wait for a person',
    good: 'All checks have passed',
    quiet: 'All checks are neutral or skipped',
  }[worst];
  return html`<details open class="checks">
    <summary class="row">
      ${resultIcon(worst)}
      <div>
        <b class="${worst}-text">${headline}</b>
        <p class="soft">${tally(results)}</p>
      </div>
    </summary>
    <ul>
      ${results.map((result) => resultRow(result))}
    </ul>
  </details>`;
}

function resultRow(result: Result): Html {
  const name = html`<b>${result.by} / ${result.name}</b>`;
  const title = result.title === '' ? '' : ` — ${result.title}`;
  return html`<li>
    ${resultIcon(result.colour)}${result.url === null ? name : html`<a class="plain" href="${result.url}">${name}</a>`}<span class="soft"
      >${result.words}${title}</span
    >
  </li>`;
}
