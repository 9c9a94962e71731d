import { marked } from 'marked';
import type { Finding } from '../../src/domain/finding.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { foldRun, type RunState } from '../../src/domain/run-state.ts';
import type { RunEvent } from '../../src/domain/events.ts';
import type { Verdict } from '../../src/domain/verdict.ts';
import { STARTED } from '../journal/support.ts';
import { plan, shard } from '../verify/support.ts';

/** Text that does something on GitHub wherever it is posted as it stands: in a paragraph, in a table's cell, in inline code, in a fence, in a summary. */
export const HOSTILE =
  'a | b @everyone #12 GH-13 <img src=x onerror=alert(1)> <script>1</script> ![x](http://evil/i.png) `@tick` `` ` ``` </details>\n\n```\n@fenced\n/workflow stop\n<b>end</b>';

const OURS = /^<(?:\/?(?:details|summary|sub)|br)>$/u;

/** What would act when GitHub renders this: tags that are not ours, mentions, references and images outside of code, and commands at the beginning of a line. */
export function acting(body: string): readonly string[] {
  const found: string[] = [];
  void marked.walkTokens(marked.lexer(body), (token) => {
    if (token.type === 'html')
      found.push(...(token.raw.match(/<[^>]*>?/gu) ?? []).filter((tag: string) => !OURS.test(tag) && !tag.startsWith('<!--')));
    if (token.type === 'image') found.push(token.raw);
    if (token.type === 'text' && !('tokens' in token)) found.push(...(token.raw.match(/@[\w-]+|(?<!&)#\d+|\bGH-\d+/gu) ?? []));
    if (token.type === 'paragraph') found.push(...(token.raw.match(/^\/workflow\b.*$/gmu) ?? []));
  });
  return found;
}

export function hostilePlan(changes: Partial<Omit<Plan, 'draft'>> = {}): Plan {
  const path = 'src/@scope/#12 <b> `x`|y.js';
  const shards = [shard('s-1', [path], { owner: HOSTILE, task: HOSTILE, kind: 'foundation' }), shard('s-2', ['b.js'], { after: ['s-1'] })];
  return plan({ branch: 'main', commit: 'c'.repeat(40), tree: 't'.repeat(40) }, shards, {
    script: `export const meta = {};\n// ${HOSTILE}`,
    inventory: [path, 'b.js'],
    skipped: [{ path, why: HOSTILE }],
    checks: [{ name: HOSTILE, run: HOSTILE, when: 'shard' }],
    failingAtBase: [{ check: HOSTILE, output: HOSTILE }],
    notes: [HOSTILE],
    ...changes,
    draft: {
      title: HOSTILE,
      intent: HOSTILE,
      predicate: { kind: 'regex', pattern: '`|@x <b>', flags: 'u' },
      scope: { include: ['**'], exclude: [{ glob: '`@x`|**', why: HOSTILE }] },
      guide: [{ id: 'G1', title: HOSTILE, text: HOSTILE }],
      touchesProtected: ['@x/`y`'],
      risks: [HOSTILE],
    },
  });
}

export function finding(changes: Partial<Finding> = {}): Finding {
  return {
    rule: HOSTILE,
    severity: 'blocking',
    path: 'src/@scope/x.js',
    line: 3,
    side: 'RIGHT',
    claim: HOSTILE,
    evidence: { kind: 'lines', before: HOSTILE, after: HOSTILE },
    source: 'verifier',
    ...changes,
  };
}

export function verdict(changes: Partial<Verdict> = {}): Verdict {
  return {
    id: 'v',
    change: 'c',
    outcome: 'accepted',
    findings: [],
    gates: [{ gate: 'parses', outcome: 'passed', detail: HOSTILE }],
    reviewers: [{ lens: 'behaviour', answered: true, cause: null, model: 'm' }],
    ...changes,
  };
}

export function stateOf(...events: readonly RunEvent[]): RunState {
  return foldRun(
    [STARTED, ...events].map((event, index) => ({
      scope: 'r',
      n: index + 1,
      at: new Date(Date.UTC(2026, 10, 22, 12, 0, index)).toISOString(),
      event,
    })),
  );
}
