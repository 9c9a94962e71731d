import type { Place } from './run.ts';

/** What people read of the pause of a run whose repository may not spend any more. */
export function notAllowedText({ owner, repo }: Pick<Place, 'owner' | 'repo'>): string {
  return `The operator does not let \`${owner}/${repo}\` spend any more. No agent asks the model anything and nothing is pushed; what is finished is kept. The run goes on by itself when the operator puts it, or its account, back on \`ALLOWED_OWNERS\`, \`ALLOWED_REPOSITORIES\` or the list of their policy, and starts Converge again.`;
}
