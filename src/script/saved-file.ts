import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { Json } from '../domain/json.ts';
import { parseScript, type ScriptMeta, syntaxOf } from './parse.ts';
import { walk } from './instrument.ts';

/**
 * A saved script is a file of the dialect. It may carry a plan's draft, so that it can be carried out without a planner: the last block comment that begins with this
 * word; its first line is for people, the rest is one JSON document, the draft without its script, in which `*` never stands before `/` (it is written `*\/`).
 */
const DRAFT = 'converge-draft';

export interface SavedFile {
  readonly meta: ScriptMeta;
  /** The file's text without the draft; lines keep their numbers. */
  readonly script: string;
  /** As it stands there, not examined; null where there is none. */
  readonly draft: Json;
}

export function savedFile({ script, draft, name }: { readonly script: string; readonly draft: Json; readonly name: string }): string {
  const words = `${DRAFT}: what \`/workflow run ${name}\` carries out, without a planner, after a fresh approval. Without this comment a planner drafts anew.`;
  const json = JSON.stringify(draft, null, 1).replaceAll('*/', String.raw`*\/`);
  return `${script.trimEnd()}\n\n/* ${words}\n${json}\n*/\n`;
}

/** Reads a saved script's file. Throws a ConvergeError of kind `script` that begins with the place, `<name>.js:line:column: `. */
export function readSavedFile(source: string, name: string): SavedFile {
  const file = `${name}.js`;
  // First, since it says what is wrong and where, whatever it is.
  const whole = parseScript(source, { file, sourceBytes: Infinity });
  const comment = syntaxOf(source).comments.findLast(({ type, value }) => type === 'Block' && value.trimStart().startsWith(DRAFT));
  if (comment === undefined) return { meta: parseScript(source, { file }).meta, script: source, draft: null };
  const blank = source.slice(comment.start, comment.end).replaceAll(/[^\r\n]/gu, '');
  const script = `${(source.slice(0, comment.start) + blank + source.slice(comment.end)).trimEnd()}\n`;
  parseScript(script, { file });
  try {
    const draft: Json = JSON.parse(comment.value.slice(comment.value.indexOf('\n') + 1));
    return { meta: whole.meta, script, draft };
  } catch (error) {
    const { line = 1, column = 0 } = comment.loc?.start ?? {};
    throw new ConvergeError(
      'script',
      `${file}:${line}:${column + 1}: the draft in this comment is no JSON document (${messageOf(error)}). Mend it, or delete the comment: then a planner drafts anew.`,
    );
  }
}

/** Names of saved scripts that a script calls by a literal, `workflow('name')`, each once. Throws for a script that does not parse. */
export function calledScripts(source: string): readonly string[] {
  const names = new Set<string>();
  for (const node of walk(syntaxOf(source).program)) {
    if (node.type !== 'CallExpression' || node.callee.type !== 'Identifier' || node.callee.name !== 'workflow') continue;
    const [first] = node.arguments;
    if (first?.type === 'Literal' && typeof first.value === 'string') names.add(first.value);
    if (first?.type === 'TemplateLiteral' && first.expressions.length === 0) names.add(first.quasis[0]?.value.cooked ?? '');
  }
  return [...names].toSorted();
}
