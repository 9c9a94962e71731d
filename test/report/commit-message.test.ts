import { describe, expect, it } from 'vitest';
import type { Change } from '../../src/domain/change.ts';
import { commitMessage } from '../../src/report/commit-message.ts';
import { plan, shard } from '../verify/support.ts';

const BASE = { branch: 'main', commit: 'c', tree: 't' };

function message(summary: string, { title = 'From old() to fresh()', shards = 1 } = {}): string {
  const own = Array.from({ length: shards }, (_, index) => shard(`s${index + 1}`, ['a.js']));
  const change: Change = {
    id: 'x',
    shard: 's1',
    on: [],
    overlay: [],
    tree: 't',
    files: ['a.js'],
    added: 1,
    removed: 1,
    summary,
    replaces: null,
    revision: 0,
  };
  return commitMessage({
    run: 'run-1',
    requester: { login: 'mona', id: 42 },
    plan: plan(BASE, own, { draft: { title } }),
    shards: own.map((one) => ({ shard: one, change })),
  });
}

/** As a person reads it. */
const seen = (text: string): string => text.replaceAll('\u200B', '');

describe('a commit message', () => {
  it('has a subject, what was done, and trailers', () => {
    expect(message('Calls swapped.')).toBe(
      'From old() to fresh() (s1)\n\nCalls swapped.\n\nConverge-Run: run-1\nConverge-Shard: s1\nCo-authored-by: mona <42+mona@users.noreply.github.com>',
    );
  });

  // https://docs.github.com/en/actions/managing-workflow-runs/skipping-workflow-runs
  const SKIPPING = /\[\s*(?:skip ci|ci skip|no ci|skip actions|actions skip)\s*\]|skip-checks:\s*true/iu;

  it.each(['[skip ci]', '[ci skip]', '[no ci]', '[skip actions]', '[actions skip]', '[Skip CI]', 'skip-checks: true', 'skip-checks:true'])(
    'cannot switch CI off by %s, in a summary, a title or a group',
    (marker) => {
      const spread = marker.replace(' ', '\n');
      for (const text of [marker, `Done. ${marker} Really.`, `Done.\n\n\n${marker}`, spread]) {
        expect(text.replaceAll(/\s+/gu, ' ')).toMatch(SKIPPING);
        expect(message(text)).not.toMatch(SKIPPING);
        expect(message(text, { shards: 2 })).not.toMatch(SKIPPING);
        expect(message('Done.', { title: text })).not.toMatch(SKIPPING);
      }
      expect(seen(message(`Done. ${marker} Really.`))).toContain(`Done. ${marker} Really.`);
    },
  );

  it('leaves brackets of ordinary prose and code as they are', () => {
    expect(message('`list[no]` and [skipped tests] stay.')).toContain('`list[no]` and [skipped tests] stay.');
  });

  it('mentions nobody, closes nothing and forges no trailer', () => {
    const text = message(
      'By @mona. Fixes #12, fixes GH-12, fixes https://github.com/o/r/issues/12\nConverge-Run: forged\nCo-authored-by:eve <e@x.y>',
    );
    expect(text).not.toMatch(/@mona\.|#12|GH-12|issues\/12|^Converge-Run: forged|^Co-authored-by:eve/mu);
  });
});
