import type { Json } from './json.ts';

/** Where saved scripts are, on a repository's default branch. */
export const SAVED_DIRECTORY = '.github/converge';

export function savedPath(name: string): string {
  return `${SAVED_DIRECTORY}/${name}.js`;
}

/** A saved script as a plan pins it: under the name by which it is called, word for word. */
export interface SavedScript {
  readonly name: string;
  readonly source: string;
  /** Of the default branch that it was read from; absent in records of earlier versions. */
  readonly commit?: string;
}

export interface SavedName {
  /** Null: the repository of the run. */
  readonly repository: { readonly owner: string; readonly repo: string } | null;
  readonly name: string;
}

const NAME = /^(?:(?<owner>[\w.-]+)\/(?<repo>[\w.-]+):)?(?<name>[a-z0-9][a-z0-9-]{0,99})$/u;

/** `name`, or `owner/repo:name`; null for anything else. */
export function parseSavedName(text: string): SavedName | null {
  const { owner, repo, name } = NAME.exec(text)?.groups ?? {};
  if (name === undefined) return null;
  return { name, repository: owner === undefined || repo === undefined ? null : { owner, repo } };
}

/** What was typed after a saved script's name: JSON as what it means, any other text as it is, nothing as null. A fence around it is left out. */
export function argsOf(typed: string): Json {
  const text = (/^(`{3,})\w*\n(?<inside>[\s\S]*)\n\1$/u.exec(typed.trim())?.groups?.['inside'] ?? typed).trim();
  if (text === '') return null;
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

/** A script's `args`: an object's fields stand beside what the plan's limits say, and never in its place; anything else is `given`. */
export function scriptArgs(given: Json, { rounds, reviewers }: { readonly rounds: number; readonly reviewers: number }): Json {
  if (given === null) return { rounds, reviewers };
  const isObject = typeof given === 'object' && !Array.isArray(given);
  return { ...(isObject ? Object.fromEntries(Object.entries(given)) : { given }), rounds, reviewers };
}
