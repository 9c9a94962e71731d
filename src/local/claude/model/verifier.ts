import type { Thought } from '../reply.ts';
import { systemText } from '../request.ts';
import type { MessagesRequest } from '../request.ts';
import { guideRules } from './brief.ts';
import { compareMigration } from './compare.ts';
import type { Objection } from './compare.ts';
import { briefOf } from './conversation.ts';
import type { Procedure } from './conversation.ts';
import { parseDiff, textBefore } from './diff.ts';
import type { FileChange } from './diff.ts';
import { findLibraries, standardTolerance } from './library.ts';
import type { Library } from './library.ts';
import { readCall } from './migrator.ts';
import { chooseNearHelper, helperTolerance, isNearHelper, NEAR_SEARCH } from './near-helper.ts';
import { libraryImport } from './source/migrate.ts';
import { lineAt } from './source/tokens.ts';
import { readText } from './tool-results.ts';

/** Reads each changed file, works out from the diff what it was, and compares assertion by assertion. */
export function* verify(request: MessagesRequest): Procedure<Thought> {
  const changes = parseDiff(briefOf(request));
  const system = systemText(request);
  const libraries = yield* findLibraries();
  const [search, ...shown] = yield {
    text: 'Now the changed files as they are.',
    tools: [NEAR_SEARCH, ...changes.map((change) => readCall(change.path))],
  };
  const nearHelper = chooseNearHelper(search, system);
  const objections = changes.flatMap((change, at) => {
    const after = readText(shown[at]);
    return after === null ? [] : objectionsTo({ change, after, libraries, nearHelper });
  });
  const findings = objections.map(({ topic, path, line, side, claim, evidence }) => {
    const rule = ruleFor(topic, system);
    return { rule, severity: 'blocking', path, line, side, claim, evidence };
  });
  const step = { tools: [{ name: 'submit', input: { findings } }] };
  const [answer] = yield step;
  if (answer?.failed === true) yield step;
  return { text: findings.length === 0 ? 'Nothing to object to.' : `${findings.length} to mend.` };
}

interface Subject {
  readonly change: FileChange;
  readonly after: string;
  readonly libraries: readonly Library[];
  readonly nearHelper: string | null;
}

function objectionsTo({ change, after, libraries, nearHelper }: Subject): readonly Objection[] {
  const { path } = change;
  const [library] = libraries;
  if (isNearHelper(path) && library !== undefined) return helperObjections({ path, after, library });
  const before = change.added ? null : textBefore(after, change);
  if (before === null) return [];
  const imported = libraries.find((one) => libraryImport(before, { path, library: one }) !== null);
  return imported === undefined ? [] : compareMigration({ path, before, after, library: imported, nearHelper });
}

function helperObjections({
  path,
  after,
  library,
}: {
  readonly path: string;
  readonly after: string;
  readonly library: Library;
}): readonly Objection[] {
  const [found, wanted] = [helperTolerance(after), standardTolerance(library)];
  if (wanted === null || found === null || Number(found) === Number(wanted)) return [];
  const line = after.split('\n').find((one) => /export function near\(/.test(one)) ?? '';
  const claim = `Without a tolerance, \`near\` allows ${found}, while \`${library.checks}.near\` of ${library.path} allowed ${wanted}: tests that give none would prove something else.`;
  return [
    {
      topic: 'near',
      path,
      line: lineAt(after, after.indexOf(line)),
      side: 'RIGHT',
      claim,
      evidence: { kind: 'lines', before: '', after: line.trim() },
    },
  ];
}

const TOPICS: Readonly<Record<Objection['topic'], RegExp>> = {
  near: /toleranc|near|close/i,
  order: /deepEqual|expected value/i,
  throws: /throw|reject|error/i,
  kept: /every (?:test|assertion)/i,
};

/** The guide's rule about this, by its title first; the verifier's own word when the guide has none. */
function ruleFor(topic: Objection['topic'], system: string): string {
  const rules = guideRules(system);
  const found = rules.find((rule) => TOPICS[topic].test(rule.title)) ?? rules.find((rule) => TOPICS[topic].test(rule.text));
  return found?.id ?? 'behaviour';
}
