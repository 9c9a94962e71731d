import { code, line, paragraphs } from './markdown.ts';

export interface SavedFacts {
  readonly name: string;
  readonly path: string;
  readonly run: string;
  /** Issue or pull request of the run. */
  readonly number: number;
  readonly title: string;
  /** Whether the default branch has a script of that name, which this one replaces. */
  readonly replaces: boolean;
}

export function savedTitle({ name, replaces }: SavedFacts): string {
  return `${replaces ? 'Update' : 'Save'} the workflow script ${name}`;
}

/** Of the small pull request that adds a saved script. */
export function savedBody({ name, path, run, number, title, replaces }: SavedFacts): string {
  return paragraphs(
    `${replaces ? 'Replaces' : 'Adds'} ${code(path)}: the script of run ${code(run)} (#${number}), "${line(title, 120)}", and at its end the draft of the plan.`,
    `Once this is merged, \`/workflow run ${name} [args]\` on any issue plans with it: code takes the inventory of that day, no planner is paid, and nothing starts before somebody approves the plan. ` +
      'Delete the comment with the draft, and a planner drafts anew each time.',
    'Merging starts nothing.',
  );
}

export function savedCommitMessage(facts: SavedFacts): string {
  return [savedTitle(facts), `Converge-Run: ${facts.run}`].join('\n\n');
}
