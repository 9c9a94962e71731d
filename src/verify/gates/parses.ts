import { count } from '../../domain/amounts.ts';
import { failed, passed, pathBefore, skipped, textOf } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';
import { syntaxOf } from '../syntax.ts';
import type { FileDiff } from '../../git/workspace.ts';

const NAME = 'parses';

/** Changed files parse: those that are new, and those that parsed before. Languages without a parser are named as not asked. */
export const parses: Gate = async (context) => {
  const answers = await Promise.all(context.diff.map((file) => ask(context, file)));
  const broken = answers.filter((answer) => typeof answer === 'object');
  const asked = answers.filter((answer) => answer === 'parses').length + broken.length;
  if (broken.length > 0) return failed(NAME, `does not parse: ${broken.map((objection) => objection.path).join(', ')}`, broken);
  const rest = NOT_ASKED.flatMap((why) => {
    const paths = context.diff.filter((_file, at) => answers[at] === why).map((file) => file.path);
    return paths.length === 0 ? [] : [`${why}: ${paths.join(', ')}`];
  });
  return asked === 0
    ? skipped(NAME, rest.join('; ') || 'nothing changed')
    : passed(NAME, [`${count(asked, 'file')} parsed`, ...rest].join('; '));
};

/** Why a file was not parsed, as people read it. */
const NOT_ASKED = ['no parser', 'deleted', 'did not parse before either'] as const;
type Answer = 'parses' | (typeof NOT_ASKED)[number] | Objection;

async function ask({ before, after }: GateContext, file: FileDiff): Promise<Answer> {
  if (file.status === 'deleted') return 'deleted';
  const text = await textOf(after, file.path);
  if (text === null) return 'no parser';
  const answer = syntaxOf(file.path, text);
  if (answer.kind === 'parses') return 'parses';
  if (answer.kind === 'no-parser') return 'no parser';
  const old = pathBefore(file);
  const oldText = old === null ? null : await textOf(before, old);
  // What did not parse before may be a dialect that the parser does not know: no fault of the change.
  if (old !== null && oldText !== null && syntaxOf(old, oldText).kind === 'broken') return 'did not parse before either';
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
