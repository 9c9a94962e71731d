import picomatch from 'picomatch';
import { z } from 'zod';
import { fence } from '../../../src/agents/prompt.ts';
import { inputSchemaOf } from '../../../src/agents/tools/tool.ts';
import type { PlanDraft } from '../../../src/domain/plan.ts';
import { PLAN_DRAFT } from '../../../src/plan/plan-schema.ts';
import { verifierAnswer } from '../../../src/verify/verifier-answer.ts';
import type { VerifierAnswer } from '../../../src/verify/verifier-answer.ts';
import { converse, diffOf, filesIn, listed, prompt, textIn } from './support.ts';
import type { Told } from './support.ts';

/* The roles of a migration, each played by the local Claude over HTTP on a real directory, with Converge's own prompts. */

export interface Stage {
  readonly url: string;
  readonly directory: string;
  /** Migrators and revisers may run the repository's suite. */
  readonly checked?: boolean;
}

export const TASK = 'Migrate the tests from our own library to node:test and node:assert/strict.';

export async function planOn({ url, directory }: Stage, task = TASK): Promise<PlanDraft> {
  const brief = await prompt('plan/plan-brief.md', {
    task: fence('task', task),
    checks: '- `test` · runs `npm test` · when: shard · on the base, before any change: passes',
  });
  const told = await converse({
    url,
    directory,
    system: await prompt('plan/planner.md'),
    brief,
    submit: inputSchemaOf(PLAN_DRAFT),
    model: 'claude-opus-5-5',
  });
  if (told.answer === undefined) throw new Error(told.text);
  return PLAN_DRAFT.parse(told.answer);
}

/** Inventory and skipped files, as the plan's predicate and scope say. */
export async function inventoryOf({ directory }: Stage, draft: PlanDraft): Promise<{ inventory: string[]; skipped: string[] }> {
  const paths = (await filesIn(directory)).filter((path) => picomatch.isMatch(path, [...draft.scope.include], { dot: true }));
  const held: string[] = [];
  for (const path of paths) if (await holds({ directory, draft, path })) held.push(path);
  const skipped = held.filter((path) => draft.scope.exclude.some(({ glob }) => picomatch.isMatch(path, glob)));
  return { inventory: held.filter((path) => !skipped.includes(path)), skipped };
}

export async function holds({ directory, draft, path }: { directory: string; draft: PlanDraft; path: string }): Promise<boolean> {
  if (draft.predicate.kind !== 'regex') throw new Error('expected a regular expression');
  return new RegExp(draft.predicate.pattern, draft.predicate.flags).test(await textIn(directory, path));
}

const summary = inputSchemaOf(z.strictObject({ summary: z.string() }));

function guide(draft: PlanDraft): string {
  return draft.guide.map((rule) => `## ${rule.id}: ${rule.title}\n\n${rule.text}`).join('\n\n');
}

export async function migrateOn(stage: Stage, draft: PlanDraft, shard: { files: readonly string[]; task?: string }): Promise<Told> {
  const work = shard.task === undefined ? 'Apply the guide to these files, completely.' : fence('task', shard.task);
  const brief = await prompt('primitives/migrate-brief.md', { shard: 'one', files: listed(shard.files), work });
  const system = `${await prompt('primitives/migrate.md')}\n\n${guide(draft)}`;
  return converse({ ...stage, system, brief, submit: summary, owns: shard.files });
}

export async function reviewOn(stage: Stage, draft: PlanDraft, files: readonly string[]): Promise<VerifierAnswer['findings']> {
  const diff = await diffOf(stage.directory, files);
  const brief = await prompt('verify/review-brief.md', { shard: 'one', files: listed(files), diff: fence('diff', diff) });
  const system = `${await prompt('verify/verifier.md')}\n\n${guide(draft)}`;
  const told = await converse({ ...stage, checked: false, system, brief, submit: inputSchemaOf(verifierAnswer), model: 'claude-opus-5-5' });
  return verifierAnswer.parse(told.answer).findings;
}

export async function reviseOn(
  stage: Stage,
  draft: PlanDraft,
  shard: { files: readonly string[]; findings: VerifierAnswer['findings'] },
): Promise<Told> {
  const findings = shard.findings
    .map(({ rule, path, line, claim }, at) => `### ${at + 1}. ${rule}, ${path}:${line}\n\n${claim}`)
    .join('\n\n');
  const diff = fence('diff', await diffOf(stage.directory, shard.files));
  const brief = await prompt('primitives/revise-brief.md', { shard: 'one', files: listed(shard.files), findings, diff });
  const system = `${await prompt('primitives/revise.md')}\n\n${guide(draft)}`;
  return converse({ ...stage, system, brief, submit: summary, owns: shard.files });
}
