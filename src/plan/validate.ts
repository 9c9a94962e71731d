import { ConvergeError } from '../domain/errors.ts';
import { decidesChecks, isPackageManifest } from '../domain/check-files.ts';
import type { Check, PlanDraft } from '../domain/plan.ts';
import type { Settings } from '../domain/run.ts';
import type { SavedScript } from '../domain/saved-script.ts';
import type { Shard } from '../domain/shard.ts';
import type { Workspace } from '../git/workspace.ts';
import type { Commands } from '../sandbox/commands.ts';
import type { BaseChecks } from './base-checks.ts';
import { CODEOWNERS_PATHS, ownersBy } from './codeowners.ts';
import { checkErrors, effectiveChecks } from './validate-checks.ts';
import { emptyInventory, globErrors, globFaults } from './validate-globs.ts';
import { pathErrors } from './validate-paths.ts';
import { secretErrors } from './validate-secrets.ts';
import { renameErrors } from './validate-renames.ts';
import { type Survey, takeInventory } from './inventory.ts';
import { shardFiles } from './sharding.ts';

/** What a draft is measured by: the base commit, and what operator and repository allow. */
export interface PlanFacts {
  readonly settings: Settings;
  /** On the base tree, unedited. */
  readonly workspace: Workspace;
  readonly commands: Pick<Commands, 'on'>;
  readonly baseChecks: BaseChecks;
  /** Throws a ConvergeError of kind `script` with line and column for a script that does not parse. */
  readonly parseScript: (source: string) => unknown;
  /** The saved scripts that a script calls, word for word, and what is wrong with its calls. The script must parse. */
  readonly pinCalls: (script: string) => Promise<{ readonly scripts: readonly SavedScript[]; readonly errors: readonly string[] }>;
  readonly defaultScript: string;
  /** What the installation may do: without `workflows` GitHub refuses pushes that touch `.github/workflows/`. */
  readonly grants: { readonly workflows: boolean };
}

/** A draft that can be carried out, with what code computed from it. */
export interface SoundDraft {
  readonly survey: Survey;
  readonly shards: readonly Shard[];
  readonly script: string;
  readonly calls: readonly SavedScript[];
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
}

export type Examination =
  | ({ readonly kind: 'sound' } & SoundDraft)
  /** Each says what was found, what was expected, and what to do. */
  | {
      readonly kind: 'unsound';
      readonly errors: readonly string[];
      /** Null when no file is in the inventory or it could not be taken: then the errors say why. */
      readonly survey: Survey | null;
    };

/**
 * Measures a draft: takes the inventory, divides it, and asks everything that code can ask. Finds as many errors at once as it can.
 * Throws ConvergeErrors of other kinds than `plan` and `script` (the sandbox or git failed: that is not the draft's fault).
 */
export async function examineDraft(draft: PlanDraft, facts: PlanFacts): Promise<Examination> {
  const files = await facts.workspace.list();
  const unusable = globFaults(draft, files);
  if (unusable.length > 0) return { kind: 'unsound', errors: unusable, survey: null };
  const script = draft.script.trim() === 'default' ? facts.defaultScript : draft.script;
  const checks = effectiveChecks(draft, facts.settings);
  const unparsed = scriptErrors(script, facts);
  const calls = unparsed.length > 0 ? { scripts: [], errors: [] } : await facts.pinCalls(script);
  const early = [
    ...guideErrors(draft),
    ...(await secretErrors(draft)),
    ...globErrors(draft, files),
    ...unparsed,
    ...calls.errors,
    ...(await checkErrors(draft, { settings: facts.settings, script, baseChecks: facts.baseChecks })),
  ];
  const taken = await inventoryOf(draft, facts);
  if (taken.kind === 'unsound') return { kind: 'unsound', errors: [...early, ...taken.errors], survey: null };
  const { survey } = taken;
  if (survey.inventory.length === 0) {
    return { kind: 'unsound', errors: [...early, await emptyInventory(draft, { survey, files, facts })], survey: null };
  }
  const sharding = shardFiles({
    inventory: survey.inventory,
    draft,
    ownersOf: await owners(facts.workspace),
    limits: facts.settings.limits,
  });
  const paths = await pathErrors(draft, { ...facts, inventory: survey.inventory.map((file) => file.path) });
  const renames = await renameErrors(draft, { files, inventory: survey.inventory.map((file) => file.path) });
  const errors = [...early, ...(sharding.kind === 'impossible' ? sharding.errors : []), ...paths, ...renames];
  if (errors.length > 0 || sharding.kind === 'impossible') return { kind: 'unsound', errors, survey };
  return {
    kind: 'sound',
    survey,
    shards: sharding.shards,
    script,
    calls: calls.scripts,
    checks,
    notes: [...sharding.notes, ...outsideNotes(draft, survey), ...checkFileNotes(sharding.shards, checks)],
  };
}

async function inventoryOf(
  draft: PlanDraft,
  { settings, workspace, commands }: PlanFacts,
): Promise<{ readonly kind: 'taken'; readonly survey: Survey } | { readonly kind: 'unsound'; readonly errors: readonly string[] }> {
  const exclude = [
    ...draft.scope.exclude,
    ...settings.exclude.map((glob) => ({ glob, why: `excluded by paths.exclude of .github/converge.yml (${glob})` })),
  ];
  const scope = { include: draft.scope.include, within: [settings.paths, settings.include ?? []], exclude };
  try {
    const survey = await takeInventory({ predicate: draft.predicate, scope, workspace, commands, tree: workspace.tree });
    return { kind: 'taken', survey };
  } catch (error) {
    if (error instanceof ConvergeError && error.kind === 'plan') return { kind: 'unsound', errors: [error.message] };
    throw error;
  }
}

async function owners(workspace: Workspace): Promise<(path: string) => readonly string[]> {
  for (const path of CODEOWNERS_PATHS) {
    const file = await workspace.read(path);
    if (file.kind === 'file') return ownersBy(file.bytes.toString('utf8'));
  }
  return () => [];
}

function guideErrors(draft: PlanDraft): readonly string[] {
  const found = draft.guide.map((rule) => rule.id);
  const expected = found.map((_, index) => `G${index + 1}`);
  if (found.every((id, index) => id === expected[index])) return [];
  return [
    `Found the guide's rules ${found.join(', ')}, expected ${expected.join(', ')}: each id once, numbered in order. Number them anew.`,
  ];
}

function scriptErrors(script: string, { parseScript }: PlanFacts): readonly string[] {
  try {
    parseScript(script);
    return [];
  } catch (error) {
    if (!(error instanceof ConvergeError) || error.kind !== 'script') throw error;
    return [`The script cannot run: ${error.message} Mend it, or submit the word default, which is right for nearly every migration.`];
  }
}

/** Files of shards that decide what checks run: the person who approves has to know. */
function checkFileNotes(shards: readonly Shard[], checks: readonly Check[]): readonly string[] {
  const found = shards.flatMap(({ files }) =>
    files.flatMap((path) => {
      const why = decidesChecks(path, checks) ?? (isPackageManifest(path) ? 'its scripts, if the plan names them' : null);
      return why === null ? [] : [`\`${path}\` (${why})`];
    }),
  );
  if (found.length === 0) return [];
  const more = found.length > 10 ? ` and ${found.length - 10} more` : '';
  return [
    `Shards change what checks run: ${found.slice(0, 10).join(', ')}${more}. What a check says afterwards is worth as much as that change.`,
  ];
}

function outsideNotes(draft: PlanDraft, survey: Survey): readonly string[] {
  const fixed = new Set([...draft.foundation, ...draft.closing].flatMap((shard) => shard.files));
  const forgotten = survey.outside.filter((path) => !fixed.has(path));
  if (forgotten.length === 0) return [];
  const shown = forgotten.slice(0, 10).map((path) => `\`${path}\``);
  const more = forgotten.length > shown.length ? ` and ${forgotten.length - shown.length} more` : '';
  return [`The predicate also holds outside of the scope, for files that are not migrated: ${shown.join(', ')}${more}.`];
}
