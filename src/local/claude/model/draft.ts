import { posix } from 'node:path';
import type { PlanDraft } from '../../../domain/plan.ts';
import { standardTolerance } from './library.ts';
import type { Library } from './library.ts';
import { guideFor } from './guide.ts';
import { migrateSource } from './source/migrate.ts';

export interface TestFile {
  readonly path: string;
  readonly text: string;
  /** It uses the library to test; other importers only run it. */
  readonly isTest: boolean;
}

/** What the planner found out. */
export interface Survey {
  readonly library: Library;
  /** All that import the library. */
  readonly files: readonly TestFile[];
  readonly documents: readonly string[];
  /** A module that already exports `near`. */
  readonly nearHelper: string | null;
  readonly script: string | null;
  /** The test command runs old and new tests together. */
  readonly sideBySide: boolean;
  /** What the brief says, to repeat nothing that is known. */
  readonly known: string;
  readonly leaveAlone: readonly string[];
}

/** Null when there is nothing to migrate. */
export function draftPlan(survey: Survey): PlanDraft | null {
  const { library } = survey;
  const tests = survey.files.filter((file) => file.isTest);
  const exclude = exclusions(survey, tests);
  const targets = tests.filter((file) => !exclude.some((one) => covers(one.glob, file.path)));
  if (targets.length === 0) return null;
  const usesNear = targets.some((file) => file.text.includes(`${library.checks}.near(`));
  const nearHelper = survey.nearHelper ?? posix.join(commonDirectory(targets.map((file) => file.path)), 'support/near.js');
  const odd = targets.filter(
    (file) => migrateSource(file.text, { path: file.path, library, nearHelper, loseTightTolerances: false })?.unsolved.length !== 0,
  );
  const foundationFiles = [
    ...(usesNear && survey.nearHelper === null ? [nearHelper] : []),
    ...survey.documents.filter((path) => /contributing/i.test(path)),
  ];
  return {
    title: `Migrate tests from ${library.path} to node:test`.slice(0, 90),
    intent: intentOf(library, targets.length),
    predicate: { kind: 'regex', pattern: `^import\\s[^;'"]*from\\s*['"][^'"]*${escape(posix.basename(library.path))}['"]`, flags: 'm' },
    scope: { include: [`**/*${commonEnding(targets.map((file) => file.path))}`], exclude },
    sharding: { by: 'directory', maxFiles: 6 },
    order: [],
    foundation:
      foundationFiles.length === 0
        ? []
        : [{ id: 'groundwork', files: foundationFiles, task: foundationTask({ library, nearHelper, files: foundationFiles }) }],
    closing: [],
    guide: guideFor({ library, nearHelper: usesNear ? nearHelper : null }),
    checks: checksFor(survey),
    renames: [],
    touchesProtected: [],
    risks: risksOf({ library, odd, excluded: exclude.length }),
    script: 'default',
  };
}

function intentOf(library: Library, count: number): string {
  return [
    `${count} test files that use the project's own \`${library.path}\` use \`node:test\` and \`node:assert/strict\` afterwards.`,
    'Every test keeps its title, its order and what it proves; no source file changes.',
    `\`${library.path}\` itself stays, because files that are skipped or left over still need it.`,
  ].join(' ');
}

function exclusions(survey: Survey, tests: readonly TestFile[]): PlanDraft['scope']['exclude'] {
  const generated = tests.flatMap((file) => {
    const header = file.text
      .split('\n')
      .slice(0, 5)
      .find((line) => /@generated|do not edit/i.test(line));
    return header === undefined
      ? []
      : [
          {
            glob: file.path,
            why: `Generated: its header says "${header.replace(/^[/*#\s]+/, '').trim()}". Whatever is written into it is lost when it is generated again.`,
          },
        ];
  });
  const asked = survey.leaveAlone.map((path) => ({
    glob: /[*]|\.\w+$/.test(path) ? path : `${path.replace(/\/$/, '')}/**`,
    why: 'Left alone, as asked.',
  }));
  return [...generated, ...asked.filter((one) => tests.some((file) => covers(one.glob, file.path)))];
}

function covers(glob: string, path: string): boolean {
  return posix.matchesGlob(path, glob);
}

function checksFor({ script, known, sideBySide }: Survey): PlanDraft['checks'] {
  if (script === null || known.includes('npm test') || known.includes(script)) return [];
  return [{ name: 'test', run: 'npm test', when: sideBySide ? 'shard' : 'converged' }];
}

function risksOf({
  library,
  odd,
  excluded,
}: {
  readonly library: Library;
  readonly odd: readonly TestFile[];
  readonly excluded: number;
}): readonly string[] {
  const tolerance = standardTolerance(library);
  return [
    ...odd.map((file) => `${file.path} uses a feature of ${library.path} that has no counterpart; it may be left over.`),
    ...(tolerance === null ? [] : [`A tolerance that gets lost makes a test weaker without making it fail: the default is ${tolerance}.`]),
    ...(excluded > 0
      ? [`${excluded === 1 ? 'One file stays' : `${excluded} files stay`} on ${library.path}, so two ways of testing live side by side.`]
      : []),
  ].slice(0, 20);
}

function foundationTask({
  library,
  nearHelper,
  files,
}: {
  readonly library: Library;
  readonly nearHelper: string;
  readonly files: readonly string[];
}): string {
  const tasks = files.map((file) =>
    file === nearHelper
      ? `Create \`${file}\`. It exports \`near(actual, expected, tolerance = ${standardTolerance(library) ?? '1e-9'}, message)\`, which throws an AssertionError when the two are further apart than the tolerance (the bound itself passes; NaN does not), as \`${library.checks}.near\` of \`${library.path}\` does.`
      : `In \`${file}\`, show how new tests are written with \`node:test\` and \`node:assert/strict\` where it shows \`${library.path}\` today, by the rules of the guide. Leave the rest of the document as it is.`,
  );
  return tasks.join('\n\n');
}

function commonDirectory(paths: readonly string[]): string {
  const [first = [], ...others] = paths.map((path) => posix.dirname(path).split('/'));
  const shared = first.findIndex((part, at) => others.some((other) => other[at] !== part));
  return (shared < 0 ? first : first.slice(0, shared)).join('/') || '.';
}

/** `.test.js` when all end so, else the bare extension. */
function commonEnding(paths: readonly string[]): string {
  const endings = new Set(paths.map((path) => /(?:\.[\w-]+)?\.\w+$/.exec(posix.basename(path))?.[0] ?? ''));
  const [ending = ''] = endings;
  return endings.size === 1 ? ending : posix.extname(paths[0] ?? '');
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
