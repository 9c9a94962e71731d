import { priceOf } from './agents/models.ts';
import type { PlanDraft } from './domain/plan.ts';
import type { House, Planned, PlanRequest } from './house.ts';
import { trusted } from './journal/trusted.ts';
import { type GivenScript, planMigration } from './plan/planner.ts';
import { pinCalls, type SavedPlaces } from './saved-scripts.ts';
import { block } from './report/markdown.ts';
import { DEFAULT_SCRIPT } from './script/default-script.ts';
import { DIALECT } from './script/dialect.ts';
import { parseScript } from './script/parse.ts';
import { readSavedFile } from './script/saved-file.ts';

/** The saved script that the run was asked to carry out, read again from what was pinned: it was examined before the run began. */
function givenTo({ saved }: House['settings']): { readonly given?: GivenScript } {
  if (saved === undefined) return {};
  const { script, draft } = readSavedFile(saved.source, saved.name);
  const { name, commit, args } = saved;
  return {
    given: {
      name,
      ...(commit === undefined ? {} : { commit }),
      args,
      script,
      draft: draft === null ? null : trusted<PlanDraft>().parse({ ...Object(draft), script }),
    },
  };
}

/** A planner is told of a script that is given, so that its draft suits it. */
function plannersTask(task: string, given: GivenScript | undefined): string {
  if (given === undefined) return task;
  return `${task}\n\nThe orchestration script is given, whatever you submit as \`script\` (submit the word default). Draft everything else so that it suits this script:\n\n${block(given.script, 'js')}`;
}

/** The planner of a house: what a plan is made of, put together; `places` is where saved scripts are found. */
export async function makePlan(house: House, { base, revision, round }: PlanRequest, places: SavedPlaces): Promise<Planned> {
  const given = givenTo(house.settings);
  const grants = await house.hub.grants();
  const { run, task, settings, repository, agents, commands, signal } = house;
  const outcome = await planMigration({
    run,
    task: plannersTask(task, given.given),
    settings,
    base,
    ...given,
    repository,
    agents,
    commands,
    signal,
    parseScript,
    pinCalls: (script) => pinCalls(script, places),
    priceOf,
    dialect: DIALECT,
    defaultScript: DEFAULT_SCRIPT,
    grants: { workflows: grants['workflows'] === 'write' },
    ...(revision === null ? {} : { revision: { ...revision, round } }),
  });
  if (outcome.kind === 'planned') return outcome;
  return { kind: 'refused', reason: [outcome.reason, ...outcome.errors].join(' ') };
}
