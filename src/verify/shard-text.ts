import { fence, fenceCode } from '../agents/prompt.ts';
import { shownName } from '../domain/hidden.ts';
import type { Plan } from '../domain/plan.ts';
import type { Shard } from '../domain/shard.ts';
import type { GateResult } from '../domain/verdict.ts';
import { shardChecks } from './checks.ts';
import { ownedPaths } from './ownership.ts';

/** The shard's files, one a line, and what each may be renamed to. */
export function filesText(plan: Plan, shard: Shard): string {
  const targets = (file: string): readonly string[] =>
    ownedPaths({ ...shard, files: [file] }, plan.draft.renames).filter((path) => path !== file);
  const lines = shard.files.map((file) =>
    targets(file).length === 0
      ? `- ${shownName(file)}`
      : `- ${shownName(file)} (may be renamed to ${targets(file).map(shownName).join(' or ')}: write the new file, then remove the old one)`,
  );
  return shard.files.some((file) => targets(file).length > 0) ? lines.join('\n') : `${lines.join('\n')}\n\nNone of them may be renamed.`;
}

/** What is to be done with a shard: the guide, or a foundation or closing shard's own task, as its author or those who judge it read it. */
export function workText(shard: Shard, reader: 'author' | 'verifier'): string {
  if (shard.task === '') return 'Apply the guide to these files, completely: afterwards nothing in them is left to migrate.';
  const when = shard.kind === 'closing' ? 'after all others' : 'before all others';
  const what =
    reader === 'author'
      ? 'It has a task of its own, part of the plan that a person approved. If what the task takes for granted is not so, leave out what depends on it, and say so in the summary. Where the guide says otherwise, the task counts'
      : 'Its author was given the task below, part of the plan that a person approved. Judge the change by it as by a rule of the guide (rule `task`); where the guide says otherwise, the task counts. If what it takes for granted is not so, what depends on it need not be done';
  return `This is a ${shard.kind} shard, changed ${when}. ${what}:\n\n${quoted(shard.task)}`;
}

/** The checks that can be run on a shard, with their commands: some are long scripts. */
export function checksText(plan: Plan): string {
  const checks = shardChecks(plan);
  if (checks.length === 0) return 'This migration has no command that could be run on a single shard: read twice.';
  const commands = checks.map(({ name, run }) => `\`${name}\` runs:\n\n${fenceCode(`command of ${name}`, run)}`);
  return ['Each passes on the repository as it was when the migration started.', ...commands].join('\n\n');
}

/** Names and details come from the plan, the repository's files and its commands. What a check runs is told by `checksText`. */
export function gatesText(gates: readonly GateResult[]): string {
  const lines = gates.map(({ gate, outcome, detail }) => {
    const plain = outcome === 'passed' && gate.startsWith('check:');
    return plain ? `- ${gate}: passed` : `- ${gate}: ${outcome} (${detail})`;
  });
  return fence('results of the gates', lines.join('\n'));
}

/** Text of the approved plan or its script: an instruction, set off from ours. */
export function quoted(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => `> ${line}`.trimEnd())
    .join('\n');
}
