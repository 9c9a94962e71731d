import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import { shardChecks } from './checks.ts';
import { ownedPaths } from './ownership.ts';

/** The shard's files, one a line, and what each may be renamed to. */
export function filesText(plan: Plan, shard: Shard): string {
  return shard.files
    .map((file) => {
      const targets = ownedPaths({ ...shard, files: [file] }, plan.draft.renames).filter((path) => path !== file);
      return targets.length === 0
        ? `- ${file}`
        : `- ${file} (may be renamed to ${targets.join(' or ')}: write the new file, then remove the old one)`;
    })
    .join('\n');
}

/** What is to be done with a shard: the guide, or a foundation or closing shard's own task. */
export function workText(shard: Shard): string {
  if (shard.task === '') return 'Apply the guide to these files, completely: afterwards nothing in them is left to migrate.';
  const when = shard.kind === 'closing' ? 'after all others' : 'before all others';
  return `This is a ${shard.kind} shard, changed ${when}. It has a task of its own, part of the plan that a person approved; where the guide says otherwise, the task counts:\n\n${quoted(shard.task)}`;
}

export function checksText(plan: Plan): string {
  const checks = shardChecks(plan);
  if (checks.length === 0) return 'This migration has no command that could be run on a single shard: read twice.';
  return checks.map((check) => `- \`${check.name}\`, which runs \`${check.run}\``).join('\n');
}

/** Text of the approved plan or its script: an instruction, set off from ours. */
export function quoted(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
