import { posix } from 'node:path';
import type { Thought } from '../reply.ts';
import type { MessagesRequest } from '../request.ts';
import { fencedTexts } from './brief.ts';
import { briefOf } from './conversation.ts';
import type { Procedure, ToolCall } from './conversation.ts';
import { draftPlan } from './draft.ts';
import type { Survey, TestFile } from './draft.ts';
import { findLibraries } from './library.ts';
import type { Library } from './library.ts';
import { readCall } from './migrator.ts';
import { NEAR_SEARCH } from './near-helper.ts';
import { resolveImport } from './source/imports.ts';
import { libraryImport } from './source/migrate.ts';
import { grepHits, readText } from './tool-results.ts';
import type { ToolResult } from './tool-results.ts';

/** Files read in one reply. */
const AT_ONCE = 40;

/** Surveys the repository for a test library of its own, reads those who use it, and submits a plan to migrate them to node:test. */
export function* plan(request: MessagesRequest): Procedure<Thought> {
  const brief = briefOf(request);
  const libraries = yield* findLibraries();
  const [manifest, helper, ...searches] = yield {
    text: 'Who uses it, and how are tests run?',
    tools: [readCall('package.json'), NEAR_SEARCH, ...libraries.map(usersOf)],
  };
  const found = libraries
    .map((library, at) => ({ library, paths: importers(library, searches[at]) }))
    .toSorted((a, b) => b.paths.length - a.paths.length)[0];
  if (found === undefined || found.paths.length === 0)
    return {
      text: 'I looked for a test library that this repository has of its own and that its tests import. There is none, so I have no plan to submit.',
    };
  const { library } = found;

  const files: TestFile[] = [];
  for (let at = 0; at < found.paths.length; at += AT_ONCE) {
    const paths = found.paths.slice(at, at + AT_ONCE);
    const shown = yield {
      text: at === 0 ? `${found.paths.length} files import \`${library.path}\`. I read them.` : 'And the others.',
      tools: paths.map(readCall),
    };
    files.push(...paths.flatMap((path, index) => asTestFile({ path, library, text: readText(shown[index]) })));
  }
  const script = testScript(readText(manifest));
  const runner = /^node\s+(\S+\.[cm]?js)$/.exec(script ?? '')?.[1];
  const [documents, runnerShown] = yield {
    text: 'Documents that show the old way, and the runner.',
    tools: [documentsAbout(library), ...(runner === undefined ? [] : [readCall(runner)])],
  };
  const survey: Survey = {
    library,
    files,
    documents: [...new Set(grepHits(documents).map((hit) => hit.path))],
    nearHelper: grepHits(helper).find((hit) => hit.path !== library.path)?.path ?? null,
    script,
    sideBySide: /node:test|--test\b/.test(readText(runnerShown) ?? script ?? ''),
    known: brief,
    leaveAlone: pathsToLeave(brief),
  };
  return yield* submitPlan(survey);
}

function* submitPlan(survey: Survey): Procedure<Thought> {
  const draft = draftPlan(survey);
  if (draft === null) return { text: 'All files that import the library are to be left alone, so nothing is left to plan.' };
  const step = { tools: [{ name: 'submit', input: { ...draft } }] };
  const [answer] = yield step;
  return { text: answer?.failed === true ? `The plan was refused, and I have no better one: ${answer.text}` : draft.title };
}

function usersOf(library: Library): ToolCall {
  return { name: 'grep', input: { pattern: `from ['"][^'"]*${posix.basename(library.path).replaceAll('.', '\\.')}['"]` } };
}

function documentsAbout(library: Library): ToolCall {
  return { name: 'grep', input: { pattern: library.path.replaceAll('.', '\\.'), glob: '*.md' } };
}

/** Lines that only look like imports (in strings and comments) are told apart by what they lead to when the file is read. */
function importers(library: Library, search: ToolResult | undefined): readonly string[] {
  const hits = grepHits(search).filter((hit) => {
    const specifier = /from ['"]([^'"]+)['"]/.exec(hit.text)?.[1] ?? '';
    return resolveImport(hit.path, specifier) === library.path;
  });
  return [...new Set(hits.map((hit) => hit.path))].filter((path) => /\.[cm]?[jt]sx?$/.test(path));
}

function asTestFile({
  path,
  library,
  text,
}: {
  readonly path: string;
  readonly library: Library;
  readonly text: string | null;
}): readonly TestFile[] {
  const declaration = text === null ? null : libraryImport(text, { path, library });
  if (text === null || declaration === null) return [];
  const cases = new Set([library.checks, ...library.functions.map((one) => one.name)]);
  return [{ path, text, isTest: declaration.named.some(({ imported }) => cases.has(imported)) }];
}

function testScript(manifest: string | null): string | null {
  return /"test"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(manifest ?? '')?.[1] ?? null;
}

/** What people ask to be left alone, in their own words: a path after `leave`, `skip`, `exclude`, `without` or `do not touch`. */
function pathsToLeave(brief: string): readonly string[] {
  const words = fencedTexts(brief)
    .filter((fenced) => !/plan|director|output/i.test(fenced.name))
    .map((fenced) => fenced.text)
    .join('\n');
  return [...words.matchAll(/\b(?:leave(?: out)?|skip|exclude|without|not touch)\s+[`'"]?([\w.*-]+\/[\w./*-]*)/gi)].map((found) =>
    (found[1] ?? '').replace(/[.,]$/, ''),
  );
}
