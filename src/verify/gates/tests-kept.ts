import type { FileDiff } from '../../git/workspace.ts';
import { count } from '../../domain/amounts.ts';
import { failed, firstChange, passed, pathBefore, skipped, textOf } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';
import { ownedPaths } from '../ownership.ts';
import { countTests, looksLikeTest } from '../test-counts.ts';

const NAME = 'tests-kept';

/** Assertions may be merged a little by another library's words; more than this share lost is a hollowed-out test. */
const TOLERATED_LOSS = 0.2;

/** Test files stay, with as many cases as before and no fewer than four fifths of the assertions (facts/verification.md §3). */
export const testsKept: Gate = async (context) => {
  const answers = (await Promise.all(context.diff.map((file) => ask(context, file)))).filter((answer) => answer !== 'no-test');
  const objections = answers.filter((answer) => answer !== 'kept');
  if (answers.length === 0) return skipped(NAME, 'no test file changed');
  if (objections.length === 0) return passed(NAME, `${count(answers.length, 'test file')} with as many tests as before`);
  return failed(NAME, objections.map((objection) => objection.claim).join(' '), objections);
};

async function ask(context: GateContext, file: FileDiff): Promise<Objection | 'kept' | 'no-test'> {
  const oldPath = pathBefore(file);
  const oldText = oldPath === null ? null : await textOf(context.before, oldPath);
  if (oldPath === null || oldText === null || !looksLikeTest(oldPath, oldText)) return 'no-test';
  const path = file.status === 'deleted' ? successor(context, oldPath) : file.path;
  if (path === null) {
    const claim = `${oldPath} holds tests and was deleted. Tests are migrated, never dropped.`;
    return { path: oldPath, ...firstChange(file), claim };
  }
  const was = countTests(oldPath, oldText);
  const is = countTests(path, (await textOf(context.after, path)) ?? '');
  const place = { path: file.path, ...firstChange(file) };
  if (is.cases < was.cases) {
    return {
      ...place,
      claim: `${path} has ${count(is.cases, 'test')} where there ${was.cases === 1 ? 'was' : 'were'} ${was.cases}. Bring back every test, none skipped.`,
    };
  }
  if (was.assertions - is.assertions > was.assertions * TOLERATED_LOSS) {
    return {
      ...place,
      claim: `${path} has ${count(is.assertions, 'assertion')} where there were ${was.assertions}. Each assertion needs its counterpart.`,
    };
  }
  return 'kept';
}

/** What a file that git calls deleted became by the plan's rename patterns, when its text changed too much to be seen as a rename. */
function successor({ plan, shard, diff }: GateContext, path: string): string | null {
  const targets = ownedPaths({ ...shard, files: [path] }, plan.draft.renames);
  return diff.find((file) => file.status === 'added' && targets.includes(file.path))?.path ?? null;
}
