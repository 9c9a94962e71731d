import type { Thought } from '../reply.ts';
import { systemText } from '../request.ts';
import type { MessagesRequest } from '../request.ts';
import { findingsSection, listedFiles } from './brief.ts';
import { briefOf } from './conversation.ts';
import type { Procedure } from './conversation.ts';
import { parseDiff, textBefore } from './diff.ts';
import { findLibraries } from './library.ts';
import { checksPass, readCall, rework, submit, writeCall } from './migrator.ts';
import { chooseNearHelper, NEAR_SEARCH } from './near-helper.ts';
import { readText } from './tool-results.ts';

/** Answers findings: takes the files that they name back to what they were, by the diff in its brief, and migrates them again with all care. */
export function* revise(request: MessagesRequest): Procedure<Thought> {
  const brief = briefOf(request);
  const owned = listedFiles(brief);
  const findings = findingsSection(brief) ?? '';
  const named = owned.filter((path) => findings.includes(path));
  const paths = named.length > 0 ? named : owned;
  const changes = parseDiff(brief);
  const libraries = yield* findLibraries();
  const [search, ...shown] = yield { text: 'I look at the places that the findings name.', tools: [NEAR_SEARCH, ...paths.map(readCall)] };
  const job = { libraries, nearHelper: chooseNearHelper(search, systemText(request)), loseTightTolerances: false };

  const reworked = paths.map((path, at) => {
    const now = readText(shown[at]);
    const change = changes.find((one) => one.path === path);
    const before = now === null || change === undefined ? now : change.added ? null : textBefore(now, change);
    const better = rework({ path, text: before }, job);
    // What cannot be carried over whole is carried as far as it goes; when that is not enough either, it goes back to what it was.
    const text = better.unsolved.length > 0 && better.text === now ? before : better.text;
    return { path, text: text === now ? null : text, unsolved: better.unsolved };
  });
  const mended = reworked.filter((one) => one.text !== null);
  if (mended.length > 0) {
    yield { text: 'I go back to what was there before the migration, and carry every part of it over.', tools: mended.map(writeCall) };
    yield* checksPass(request);
  }
  const open = reworked.flatMap((one) => one.unsolved.map((why) => `${one.path}: ${why}.`));
  const carried = mended.filter((one) => one.unsolved.length === 0).map((one) => one.path);
  const told =
    carried.length > 0
      ? `What the findings name in ${carried.join(', ')} is carried over from the old text, part by part.`
      : 'There is nothing that I can do better.';
  return yield* submit([told, ...open].join('\n').slice(0, 2_000));
}
