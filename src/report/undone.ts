import { dollars, type MicroDollars } from '../domain/budget.ts';
import { code, line } from './markdown.ts';

/** What became of one branch. */
export type BranchUndone =
  | { readonly kind: 'deleted' | 'gone'; readonly branch: string }
  /** Commits of these people are on it. */
  | { readonly kind: 'kept'; readonly branch: string; readonly people: readonly string[] }
  | { readonly kind: 'refused'; readonly branch: string; readonly reason: string };

export interface UndoneFacts {
  readonly run: string;
  readonly by: string;
  readonly pullRequest: { readonly number: number; readonly was: 'open' | 'closed' } | null;
  readonly branches: readonly BranchUndone[];
  readonly spent: MicroDollars;
}

/** Exactly what an undo did, and what it left. */
export function undoneText({ run, by, pullRequest, branches, spent }: UndoneFacts): string {
  const deleted = branches.filter(({ kind }) => kind === 'deleted');
  const said = [
    pullRequest === null
      ? 'There was no pull request.'
      : pullRequest.was === 'open'
        ? `Pull request #${pullRequest.number} is closed.`
        : `Pull request #${pullRequest.number} was closed before.`,
    deleted.length === 0 ? 'No branch was deleted.' : `Deleted: ${deleted.map(({ branch }) => code(branch)).join(', ')}.`,
    ...branches.flatMap((one) => leftText(one) ?? []),
    `What it cost stays: ${dollars(spent)}. \`/workflow migrate <task>\` starts another run.`,
  ];
  return `Run ${code(run)} is undone, as ${line(by, 40)} asked. ${said.join(' ')}`;
}

function leftText(one: BranchUndone): string | null {
  switch (one.kind) {
    case 'deleted':
      return null;
    case 'gone':
      return `${code(one.branch)} was gone already.`;
    case 'kept':
      return `${code(one.branch)} stays, because it holds commits of ${one.people.map((person) => line(person, 60)).join(', ')}; delete it by hand when nobody needs them.`;
    case 'refused':
      return `${code(one.branch)} stays, because GitHub refused to delete it: ${line(one.reason, 300)}`;
  }
}
