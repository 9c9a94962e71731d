import type { Amendment } from '../domain/amendment.ts';
import { raiseText } from '../domain/allowance.ts';
import type { RunState } from '../domain/run-state.ts';
import { code, line } from './markdown.ts';

/** More than this many are counted and not shown. */
const SHOWN = 20;

/** What people who may approve changed after the approval, a line each; null when nothing was. */
export function amendmentList({ amendments }: Pick<RunState, 'amendments'>): string | null {
  if (amendments.length === 0) return null;
  const earlier = amendments.length - SHOWN;
  const shown = amendments
    .slice(-SHOWN)
    .map(({ at, by, amendment }) => `- \`${at.slice(11, 16)}\` **${line(by, 40)}** ${wordsOf(amendment)}`);
  return [...(earlier > 0 ? [`- ${earlier} more before these`] : []), ...shown].join('\n');
}

function wordsOf(amendment: Amendment): string {
  switch (amendment.kind) {
    case 'budget':
      return `raised a limit of the run by ${raiseText(amendment)}`;
    case 'drop':
      return `dropped ${amendment.shards.map((shard) => code(shard)).join(', ')}`;
    case 'steer':
      return `told every agent: “${line(amendment.text, 500)}”`;
  }
}
