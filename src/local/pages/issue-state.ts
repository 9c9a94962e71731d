import { html } from './html.ts';
import type { Html } from './html.ts';
import type { IconName } from './icons.ts';
import { icon } from './icons.ts';
import type { Issue } from './view.ts';

interface Shown {
  readonly kind: 'open' | 'draft' | 'closed' | 'done';
  readonly word: string;
  readonly drawing: IconName;
}

/** How an issue's or a pull request's state is shown. */
export function stateOf(issue: Issue): Shown {
  if (issue.pull?.merged) return { kind: 'done', word: 'Merged', drawing: 'merge' };
  if (issue.pull && issue.state === 'closed') return { kind: 'closed', word: 'Closed', drawing: 'pull' };
  if (issue.pull?.draft) return { kind: 'draft', word: 'Draft', drawing: 'draft' };
  if (issue.pull) return { kind: 'open', word: 'Open', drawing: 'pull' };
  if (issue.state === 'open') return { kind: 'open', word: 'Open', drawing: 'issue' };
  if (issue.stateReason === 'not_planned') return { kind: 'draft', word: 'Closed as not planned', drawing: 'skipped' };
  return { kind: 'done', word: 'Closed', drawing: 'closed' };
}

export function stateBadge(issue: Issue): Html {
  const { kind, word, drawing } = stateOf(issue);
  return html`<span class="state ${kind}">${icon(drawing)}${word}</span>`;
}
