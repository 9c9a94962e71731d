import type { Command } from '../domain/command.ts';
import { ConvergeError } from '../domain/errors.ts';
import { argsOf } from '../domain/saved-script.ts';
import type { Hub } from '../github/hub.ts';
import { PLAN_DRAFT } from '../plan/plan-schema.ts';
import { findSavedScript } from '../saved-scripts.ts';
import { readSavedFile } from '../script/saved-file.ts';
import { refuse, type Answer, type Asked, type Desk } from './desk.ts';
import { startRun, type Wanted } from './migrate.ts';

/**
 * Starts a run of a saved script, under the same conditions as any other. What it is made of is pinned now, as the default branch has it; nothing of it is carried out before a
 * person approved the plan that comes of it on today's base.
 */
export function runSaved(desk: Desk, asked: Asked, { script, args, flags }: Extract<Command, { name: 'run' }>): Promise<Answer> {
  if (!desk.operator.savedScripts)
    return Promise.resolve(
      refuse('The operator of this Converge lets no saved scripts be run. `/workflow migrate <task>` plans anew. Nothing was started.'),
    );
  return startRun(desk, asked, { flags, what: (hub) => savedWork(desk, asked, { hub, script, args }) });
}

async function savedWork(
  desk: Desk,
  asked: Asked,
  { hub, script, args }: { readonly hub: Hub; readonly script: string; readonly args: string },
): Promise<Wanted> {
  const { installation } = asked;
  const hubOf = (repository: { readonly owner: string; readonly repo: string }): Hub => desk.hubOf({ ...repository, installation });
  const found = await findSavedScript(script, { here: asked, hub, hubOf, allowed: desk.scriptRepositories });
  if (found.kind === 'none') return { kind: 'refused', reply: `${found.reason} Nothing was started.` };
  try {
    const { meta, draft, script: text } = readSavedFile(found.source, script);
    const wrong = draft === null ? [] : draftProblems({ ...Object(draft), script: text });
    if (wrong.length > 0) {
      return {
        kind: 'refused',
        reply: `The draft at the end of the saved script \`${script}\` is not one of a plan (${wrong.slice(0, 5).join('; ')}). Mend it, or delete its comment: then a planner drafts anew. Nothing was started.`,
      };
    }
    return {
      kind: 'wanted',
      task: args === '' ? meta.description : args,
      saved: { name: script, source: found.source, commit: found.commit, args: argsOf(args) },
    };
  } catch (error) {
    if (!(error instanceof ConvergeError) || error.kind !== 'script') throw error;
    return { kind: 'refused', reply: `The saved script \`${script}\` cannot run: ${error.message} Nothing was started.` };
  }
}

function draftProblems(draft: unknown): readonly string[] {
  const parsed = PLAN_DRAFT.safeParse(draft);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `\`${issue.path.join('.')}\`: ${issue.message}`);
}
