import { fence, loadPrompt, renderPrompt } from '../agents/prompt.ts';
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
    task: fence('task', facts.task),
    branch: base.branch,
    commit: base.commit,
    files: String(facts.files.length),
    tree: fence('directories', treeOverview(facts.files)),
    paths: asked.length === 0 ? 'all' : `those that ${asked.join(' and ')}`,
    excluded: settings.exclude.length === 0 ? 'nothing' : quoted(settings.exclude),
    protected: quoted(settings.protectedPaths),
    workflows: facts.grants.workflows
      ? 'allowed, if touchesProtected names them'
      : 'impossible: this installation has no permission for them',
    codeowners: owners ?? 'none',
    reviewers: String(settings.limits.reviewers),
    rounds: String(settings.limits.rounds),
    agents: settings.limits.agents.toLocaleString('en'),
    budget: dollars(settings.limits.budget),
    checks: checksText(facts.baseResults),
    revision: facts.revision === undefined ? '' : revisionText(facts.revision),
  });
}

function checksText(results: readonly BaseResult[]): string {
  if (results.length === 0) return 'The configuration names none. Add those that prove this migration, from the manifest or the documents.';
  return results
    .map(({ check, result }) => {
      const told = `- \`${check.name}\` (when: ${check.when}): \`${check.run}\``;
      return result.ok
        ? `${told} passes.`
        : `${told} **fails before any change**; it proves nothing for this migration:\n\n${fence(`output of ${check.name}`, outputTail(result))}\n`;
    })
    .join('\n');
}

function revisionText({ previous, text }: Revision): string {
  return renderPrompt(REVISION, {
    previous: fence('previous plan', JSON.stringify(previous.draft, null, 1)),
    text: fence('answer', text),
  });
}

function quoted(globs: readonly string[]): string {
  return globs.map((glob) => `\`${glob}\``).join(', ');
}

const MOST_LINES = 120;

/** Directories with the number of files directly in them, the deepest levels left out first until it is short enough. */
function treeOverview(files: readonly string[]): string {
  const depths = files.map((path) => path.split('/').length - 1);
  for (let depth = depths.reduce((a, b) => Math.max(a, b), 0); ; depth -= 1) {
    const counts = new Map<string, number>();
    for (const path of files) {
      const directory = path.split('/').slice(0, -1).slice(0, depth).join('/');
      counts.set(directory, (counts.get(directory) ?? 0) + 1);
    }
    if (counts.size > MOST_LINES && depth > 1) continue;
    const lines = [...counts]
      .toSorted(([a], [b]) => compare(a, b))
      .map(([directory, count]) => `${directory === '' ? '(root)' : `${directory}/`} ${count} ${count === 1 ? 'file' : 'files'}`);
    return lines.length <= MOST_LINES
      ? lines.join('\n')
      : [...lines.slice(0, MOST_LINES), `and ${lines.length - MOST_LINES} directories more`].join('\n');
  }
}
