import { ConvergeError } from './domain/errors.ts';
import { parseSavedName, SAVED_DIRECTORY, savedPath, type SavedName, type SavedScript } from './domain/saved-script.ts';
import type { Hub } from './github/hub.ts';
import { calledScripts, readSavedFile } from './script/saved-file.ts';

export type SavedLookup =
  | { readonly kind: 'found'; readonly source: string; readonly commit: string }
  /** Whole sentences: what was looked for, and what there is. */
  | { readonly kind: 'none'; readonly reason: string };

export interface SavedPlaces {
  readonly here: { readonly owner: string; readonly repo: string };
  readonly hub: Hub;
  /** Other repositories, as the same installation sees them. */
  readonly hubOf: (repository: { readonly owner: string; readonly repo: string }) => Hub;
  /** As `owner/repo` in lower case. */
  readonly allowed: ReadonlySet<string>;
}

/**
 * The text of a saved script, from the default branch of the run's repository, or of one that the operator allows: what a pull request or another branch brings along is
 * never run. `called` is `name` or `owner/repo:name`.
 */
export async function findSavedScript(called: string, places: SavedPlaces): Promise<SavedLookup> {
  const wanted = parseSavedName(called);
  if (wanted === null)
    return none(`Found \`${called}\`, expected a saved script as \`name\` (lower-case letters, digits and dashes) or \`owner/repo:name\`.`);
  const { repository } = wanted;
  if (repository === null) return read(places.hub, wanted, places.here);
  const full = `${repository.owner}/${repository.repo}`;
  const isHere = full.toLowerCase() === `${places.here.owner}/${places.here.repo}`.toLowerCase();
  if (isHere) return read(places.hub, wanted, places.here);
  if (!places.allowed.has(full.toLowerCase()))
    return none(
      `Scripts of \`${full}\` may not be run here: the operator of this Converge adds the repository to \`SCRIPT_REPOSITORIES\`.`,
    );
  try {
    return await read(places.hubOf(repository), wanted, repository);
  } catch (error) {
    if (!(error instanceof ConvergeError) || error.kind !== 'github' || error.retry !== 'never') throw error;
    return none(`\`${full}\` cannot be read: ${error.message} The App of this repository's installation must see it.`);
  }
}

async function read(hub: Hub, { name }: SavedName, at: SavedPlaces['here']): Promise<SavedLookup> {
  const { defaultBranch } = await hub.repository();
  const commit = await hub.branchHead(defaultBranch);
  const source = commit === null ? null : await hub.file(savedPath(name), commit);
  if (commit !== null && source !== null) return { kind: 'found', source, commit };
  const there = (commit === null ? [] : await hub.filesIn(SAVED_DIRECTORY, commit)).flatMap((file) =>
    file.endsWith('.js') ? [file.slice(0, -3)] : [],
  );
  const names = there.map((one) => `\`${one}\``).join(', ');
  return none(
    `Found no \`${savedPath(name)}\` on \`${defaultBranch}\` of ${at.owner}/${at.repo}. ${there.length === 0 ? 'There is no saved script yet; `/workflow save <name>` makes one of a run.' : `There are: ${names}.`}`,
  );
}

function none(reason: string): SavedLookup {
  return { kind: 'none', reason };
}

export interface PinnedCalls {
  readonly scripts: readonly SavedScript[];
  /** Whole sentences: names that are none, and scripts that do not parse. */
  readonly errors: readonly string[];
}

/** The saved scripts that a script calls by name, as they are now: a plan pins them, so that a person approves what runs. The script must parse. */
export async function pinCalls(script: string, places: SavedPlaces): Promise<PinnedCalls> {
  const scripts: SavedScript[] = [];
  const errors: string[] = [];
  for (const name of calledScripts(script)) {
    const found = await findSavedScript(name, places);
    if (found.kind === 'none') {
      errors.push(`The script calls workflow('${name}'). ${found.reason}`);
      continue;
    }
    try {
      scripts.push({ name, source: readSavedFile(found.source, name).script, commit: found.commit });
    } catch (error) {
      if (!(error instanceof ConvergeError) || error.kind !== 'script') throw error;
      errors.push(`The script calls workflow('${name}'), which cannot run: ${error.message}`);
    }
  }
  return { scripts, errors };
}
