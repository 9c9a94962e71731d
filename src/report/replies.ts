import { commandForms, type CommandName } from '../domain/command.ts';
import type { ConfigurationError } from '../domain/yaml-settings.ts';
import { block, code, line, paragraphs, prose, table } from './markdown.ts';

/** Commands that later versions bring; they parse, and say so. */
const NOT_YET: ReadonlySet<CommandName> = new Set(['review']);

export function isThere(name: CommandName): boolean {
  return !NOT_YET.has(name);
}

const MEANS: Readonly<Record<CommandName, string>> = {
  migrate: 'plan a migration and show the plan',
  approve: 'start the plan with that hash',
  revise: 'plan again, with what should be different',
  status: 'tell how far the run is',
  pause: 'pause the run',
  resume: 'go on',
  stop: 'end the run; with `--deliver`, after what is accepted was delivered and proved',
  retry: 'try shards again that are left over, all or those named',
  drop: 'leave shards out, for good',
  steer: 'tell something to every agent',
  budget: 'raise a limit of the run',
  save: 'save the script of the run, as a pull request',
  run: 'run a saved script',
  review: 'have verifiers review a pull request',
  undo: 'close the pull request and delete the branches',
  help: 'show this',
};

export function helpReply(): string {
  return paragraphs(
    'Converge migrates a codebase through a pull request: it plans, waits for approval, migrates shard by shard, has every commit reviewed, and delivers one pull request with the results of CI.',
    table(
      ['Command', ''],
      commandForms().map(({ name, form }) => [code(form), `${MEANS[name]}${isThere(name) ? '' : ' *(not there yet)*'}`]),
    ),
    'The command stands at the beginning of a line; the rest of the comment belongs to it. Only people with write access command.',
  );
}

export function malformedReply(problem: string, form: string): string {
  // The form is ours and is copied: nothing is put into it.
  return paragraphs(
    `I could not do that. ${prose(problem)}`,
    `The right form:\n\n\`\`\`\n${form}\n\`\`\``,
    '`/workflow help` shows all commands.',
  );
}

export function notThereReply(name: CommandName): string {
  return `\`/workflow ${name}\` is not there yet. \`/workflow help\` shows what is.`;
}

export function invalidConfigurationReply(branch: string, errors: readonly ConfigurationError[]): string {
  return paragraphs(
    `\`.github/converge.yml\` on ${code(branch)} is not valid, so nothing was started:`,
    table(
      ['Key', 'Found', 'Expected'],
      errors.map((error) => [code(error.key), line(error.found), line(error.expected)]),
    ),
    'Mend the file on that branch, then write the command again.',
  );
}

export function notEnabledReply(owner: string, branch: string): string {
  return paragraphs(
    `Converge is off in this repository: found no \`.github/converge.yml\` with \`enabled: true\` on ${code(branch)}, expected one. Somebody who may write to ${line(owner)}'s default branch turns it on there:`,
    block('# .github/converge.yml\nenabled: true\nchecks:\n  - name: test\n    run: npm test\n    when: shard', 'yaml'),
  );
}

export function plannedAgainReply(text: string): string {
  return `Planning again: ${line(text, 300)}`;
}
