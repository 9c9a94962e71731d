import type { Plan } from '../domain/plan.ts';
import type { Place } from '../domain/run.ts';
import { count } from '../domain/amounts.ts';
import { code, paragraphs, prose } from './markdown.ts';
import { origin } from './pull-request.ts';

/** The draft pull request's body while the run is under way. */
export function draftBody({ run, place, plan }: { readonly run: string; readonly place: Place; readonly plan: Plan }): string {
  return paragraphs(
    prose(plan.draft.intent),
    `${origin(place)} The plan (${count(plan.inventory.length, 'file')}, ${count(plan.shards.length, 'shard')}) waits there for approval, and its progress is told there and in the check \`converge\`.`,
    'Nothing is delivered yet: this draft begins with an empty commit, whose CI is what the result will be compared with.',
    `<sub>Converge run ${code(run)}</sub>`,
  );
}
