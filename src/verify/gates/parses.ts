import { count, failed, passed, pathBefore, skipped, textOf } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';
import { syntaxOf } from '../syntax.ts';
import type { FileDiff } from '../../git/workspace.ts';

const NAME = 'parses';

/** Changed files parse: those that are new, and those that parsed before. Languages without a parser are named as not asked. */
export const parses: Gate = async (context) => {
  const answers = await Promise.all(context.diff.map((file) => ask(context, file)));
  const broken = answers.filter((answer) => typeof answer === 'object');
  const asked = answers.filter((answer) => answer === 'parses').length + broken.length;
  const unasked = answers.filter((answer) => answer === 'no-parser').length;
  if (broken.length > 0) return failed(NAME, `does not parse: ${broken.map((objection) => objection.path).join(', ')}`, broken);
  const rest = unasked === 0 ? '' : `; no parser for ${count(unasked, 'other file')}`;
  return asked === 0 ? skipped(NAME, `nothing to parse${rest}`) : passed(NAME, `${count(asked, 'file')} parsed${rest}`);
};

type Answer = 'parses' | 'no-parser' | 'not-asked' | Objection;

async function ask({ before, after }: GateContext, file: FileDiff): Promise<Answer> {
  if (file.status === 'deleted') return 'not-asked';
  const text = await textOf(after, file.path);
  if (text === null) return 'no-parser';
  const answer = syntaxOf(file.path, text);
  if (answer.kind !== 'broken') return answer.kind;
  const old = pathBefore(file);
  const oldText = old === null ? null : await textOf(before, old);
  // What did not parse before may be a dialect that the parser does not know: no fault of the change.
  if (old !== null && oldText !== null && syntaxOf(old, oldText).kind === 'broken') return 'not-asked';
  const { line, text: found } = answer.fault;
  return {
    path: file.path,
    line,
    side: 'RIGHT',
    claim: `${file.path} no longer parses${line === null ? '' : ` near line ${line}`}. Mend the syntax.`,
    evidence:
      line === null || found === ''
        ? { kind: 'command', name: NAME, output: found || 'syntax error' }
        : { kind: 'lines', before: '', after: found },
  };
}
