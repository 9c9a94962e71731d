import type { Thought } from '../reply.ts';
import { systemText } from '../request.ts';
import type { MessagesRequest } from '../request.ts';
import { listedFiles } from './brief.ts';
import { briefOf } from './conversation.ts';
import type { Procedure, ToolCall } from './conversation.ts';
import { migrateDocument } from './document.ts';
import { expectedFirst, findLibraries } from './library.ts';
import type { Library } from './library.ts';
import { chooseNearHelper, isNearHelper, NEAR_SEARCH, nearHelperText } from './near-helper.ts';
import { libraryImport, migrateSource } from './source/migrate.ts';
import { readText } from './tool-results.ts';

interface OwnedFile {
  readonly path: string;
  /** Null: it does not exist yet. */
  readonly text: string | null;
}

/** Migrates the files that its brief lists: reads them and the library, writes them, runs the checks it is offered, submits. */
export function* migrate(request: MessagesRequest): Procedure<Thought> {
  const brief = briefOf(request);
  const paths = listedFiles(brief);
  if (paths.length === 0) return { text: 'I was given no files, so there is nothing that I may write.' };
  const libraries = yield* findLibraries();
  const [search, ...shown] = yield { text: 'Now the files that I own.', tools: [NEAR_SEARCH, ...paths.map(readCall)] };
  const files = paths.map((path, at) => ({ path, text: readText(shown[at]) }));
  const job = { libraries, nearHelper: chooseNearHelper(search, systemText(request)) };

  const first = files.map((file) => rework(file, { ...job, loseTightTolerances: true }));
  const written = first.filter((one) => one.text !== null);
  if (written.length > 0) yield { text: `I rewrite ${count(written.length, 'file')}.`, tools: written.map(writeCall) };

  if (!(yield* checksPass(request))) {
    const careful = files.map((file) => rework(file, { ...job, loseTightTolerances: false }));
    const mended = careful.filter((one, at) => one.text !== null && one.text !== first[at]?.text);
    if (mended.length > 0) {
      yield {
        text: 'A check fails. I compare what I wrote with what was there, and write it again with more care.',
        tools: mended.map(writeCall),
      };
      yield* checksPass(request);
    }
  }
  return yield* submit(summaryOf(first, libraries));
}

interface Job {
  readonly libraries: readonly Library[];
  readonly nearHelper: string | null;
  readonly loseTightTolerances: boolean;
}

export interface Reworked {
  readonly path: string;
  /** Null: nothing to be written. */
  readonly text: string | null;
  readonly unsolved: readonly string[];
}

/** One file as it should be; what is not understood stays as it is. */
export function rework(file: OwnedFile, job: Job): Reworked {
  const { path, text } = file;
  const leave = { path, text: null, unsolved: [] };
  const [library] = job.libraries;
  if (isNearHelper(path) && text === null) return library === undefined ? leave : { path, text: nearHelperText(library), unsolved: [] };
  if (text === null) return leave;
  const imported = job.libraries.find((one) => libraryImport(text, { path, library: one }) !== null);
  const { nearHelper, loseTightTolerances } = job;
  if (imported !== undefined) {
    const migrated = migrateSource(text, { path, library: imported, nearHelper, loseTightTolerances });
    if (migrated === null) return leave;
    return { path, text: migrated.text === text ? null : migrated.text, unsolved: migrated.unsolved };
  }
  if (library !== undefined && isDocument(path)) {
    const document = migrateDocument(text, { path, library, nearHelper, loseTightTolerances: false });
    return { ...leave, text: document === text ? null : document };
  }
  return leave;
}

function summaryOf(files: readonly Reworked[], libraries: readonly Library[]): string {
  const done = files.filter((file) => file.text !== null);
  const [library] = libraries;
  const old = library?.path ?? 'the old library';
  const swapped = library?.assertions.find((one) => one.meaning === 'deep' && expectedFirst(one));
  const lines = [
    done.some((file) => file.unsolved.length === 0 && !isNearHelper(file.path) && !isDocument(file.path))
      ? `The tests use node:test and node:assert/strict in place of ${old}.`
      : '',
    swapped !== undefined && done.some((file) => file.text?.includes('assert.deepEqual('))
      ? `What is expected came first in ${library?.checks}.${swapped.name}; it comes second now.`
      : '',
    done.some((file) => isNearHelper(file.path))
      ? `Adds \`near\`, which node:assert has not, with the tolerance that it had in ${old}.`
      : '',
    done.some((file) => isDocument(file.path)) ? 'Documents show new tests with node:test.' : '',
    ...files.flatMap((file) => file.unsolved.map((why) => `Not done in ${file.path}: ${why}.`)),
  ].filter((line) => line !== '');
  return (lines.join(' ') || 'Nothing had to be changed.').slice(0, 2_000);
}

function isDocument(path: string): boolean {
  return /\.md$/i.test(path);
}

export function readCall(file_path: string): ToolCall {
  return { name: 'read', input: { file_path } };
}

export function writeCall({ path, text }: Reworked): ToolCall {
  return { name: 'write', input: { file_path: path, content: text ?? '' } };
}

/** Runs every check that is offered; true when all pass or none is offered. */
export function* checksPass(request: MessagesRequest): Procedure<boolean> {
  const tool = request.tools?.find((one) => one.name === 'check');
  const listed = /checks are: ([^.\n]*)/.exec(tool?.description ?? '')?.[1] ?? '';
  const names = [...listed.matchAll(/`([^`]+)`/g)].map((found) => found[1] ?? '');
  if (names.length === 0) return true;
  const results = yield { tools: names.map((name) => ({ name: 'check', input: { name } })) };
  return results.every((result) => !result.failed && !/\bFAILED\b|ended by the limit/.test(result.text.split('\n')[0] ?? ''));
}

/** Submits, and once more if that is refused; then gives up in words. */
export function* submit(summary: string): Procedure<Thought> {
  const step = { tools: [{ name: 'submit', input: { summary } }] };
  const [answer] = yield step;
  if (answer?.failed !== true) return { text: summary };
  yield step;
  return { text: summary };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
