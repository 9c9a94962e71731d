import { fence, fenceCode, fenceMarkdown, loadPrompt, renderPrompt } from '../agents/prompt.ts';
import { dollars } from '../domain/budget.ts';
import type { Base, Plan } from '../domain/plan.ts';
import type { Settings } from '../domain/run.ts';
import { type BaseResult, outputTail } from './base-checks.ts';
import { CODEOWNERS_PATHS } from './codeowners.ts';
import { compare } from './grouping.ts';

/** Why a plan that was shown is not the one. */
export interface Revision {
  readonly previous: Plan;
  readonly text: string;
  /** Which planning of the run this is: the same words said twice are two questions. */
  readonly round: number;
}

export interface BriefFacts {
  readonly task: string;
  readonly base: Base;
  readonly settings: Settings;
  readonly files: readonly string[];
  readonly baseResults: readonly BaseResult[];
  readonly grants: { readonly workflows: boolean };
  readonly revision: Revision | undefined;
}

const BRIEF = loadPrompt(import.meta.url, './plan-brief.md');
const REVISION = loadPrompt(import.meta.url, './plan-revision.md');

/** The planner's first message. What other people wrote stands in fences. */
export function planBrief(facts: BriefFacts): string {
  const { settings, base } = facts;
  const asked = [settings.paths, settings.include ?? []]
    .filter((globs) => globs.length > 0)
    .map((globs) => `match one of ${quoted(globs)}`);
  const owners = CODEOWNERS_PATHS.find((path) => facts.files.includes(path));
  return renderPrompt(BRIEF, {
    task: fenceMarkdown('task', facts.task),
    branch: base.branch,
    commit: base.commit,
    files: String(facts.files.length),
    tree: fenceCode('directories', treeOverview(facts.files)),
    paths: asked.length === 0 ? 'all files' : `only files that ${asked.join(' and ')}`,
    excluded: settings.exclude.length === 0 ? 'nothing' : quoted(settings.exclude),
    protected: quoted(settings.protectedPaths),
    workflows: facts.grants.workflows
      ? 'may be changed where `touchesProtected` names them'
      : 'cannot be changed at all, not even through `touchesProtected`; say in `risks` what a person has to change there',
    codeowners: owners ?? 'none',
    reviewers: String(settings.limits.reviewers),
    rounds: String(settings.limits.rounds),
    agents: settings.limits.agents.toLocaleString('en'),
    budget: dollars(settings.limits.budget),
    setup: settings.setup === null ? 'nothing' : `\`${settings.setup}\``,
    node: process.versions.node.split('.')[0] ?? '',
    checks: checksText(facts.baseResults),
    revision: facts.revision === undefined ? '' : revisionText(facts.revision),
  });
}

function checksText(results: readonly BaseResult[]): string {
  if (results.length === 0) return 'The configuration names none. Add those that prove this migration, from the manifest or the documents.';
  return ['They are part of the plan already: do not name them again.', '', ...results.map(checkText)].join('\n');
}

function checkText({ check, result }: BaseResult): string {
  const told = `- \`${check.name}\` · runs \`${check.run}\` · when: ${check.when} · on the base, before any change: `;
  if (result.ok) return `${told}passes`;
  const means = check.when === 'shard' ? 'it proves nothing for this migration' : 'it has to pass at the end';
  return `${told}**fails**; ${means}. Its output:\n\n${fence(`output of ${check.name}`, outputTail(result))}\n`;
}

function revisionText({ previous, text }: Revision): string {
  return renderPrompt(REVISION, {
    previous: fenceCode('previous plan', JSON.stringify(previous.draft, null, 1)),
    text: fenceMarkdown('answer', text),
  });
}

function quoted(globs: readonly string[]): string {
  return globs.map((glob) => `\`${glob}\``).join(', ');
}

const MOST_LINES = 120;

/** Directories with the number of files directly in them; where they are too many, the deepest are counted with those above them, and it says so. */
function treeOverview(files: readonly string[]): string {
  const depths = files.map((path) => path.split('/').length - 1);
  const deepest = depths.reduce((a, b) => Math.max(a, b), 0);
  for (let depth = deepest; ; depth -= 1) {
    const counts = new Map<string, number>();
    for (const path of files) {
      const directory = path.split('/').slice(0, -1).slice(0, depth).join('/');
      counts.set(directory, (counts.get(directory) ?? 0) + 1);
    }
    if (counts.size > MOST_LINES && depth > 1) continue;
    const lines = [...counts]
      .toSorted(([a], [b]) => compare(a, b))
      .map(([directory, count]) => `${directory === '' ? '(root)' : `${directory}/`} ${count} ${count === 1 ? 'file' : 'files'}`);
    return [
      ...lines.slice(0, MOST_LINES),
      ...(lines.length > MOST_LINES ? [`and ${lines.length - MOST_LINES} directories more`] : []),
      ...(depth < deepest ? [`(files more than ${depth} directories deep are counted with the directory above)`] : []),
    ].join('\n');
  }
}
