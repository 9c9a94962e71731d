import { type AnyNode, type Comment, type ModuleDeclaration, type Program, type Statement, parse } from 'acorn';
import { z } from 'zod';
import { ConvergeError } from '../domain/errors.ts';
import { type CalledFile, type GuestCode, instrument, walk } from './instrument.ts';
import { pureLiteral } from './literal.ts';
import { SCRIPT_LIMITS } from './protocol.ts';

const Meta = z.object({
  name: z.string().min(1),
  description: z.string().min(1),
  phases: z.array(z.object({ title: z.string().min(1), detail: z.string().optional() })).default([]),
});

/** What a script says of itself, read from the text; nothing runs for it. */
export type ScriptMeta = z.infer<typeof Meta>;

const META_FORM = '`export const meta = {name: "…", description: "…", phases: [{title: "…"}]}`, a pure literal, as its first statement';

export interface ScriptFile {
  /** Under which name it is spoken of; `script.js` unless told. */
  readonly file?: string;
  /** The most that it may have. */
  readonly sourceBytes?: number;
  /** Where it is called by another script. */
  readonly called?: CalledFile;
}

/**
 * Reads a script of the dialect (facts/dynamic-workflows.md §2): `export const meta = {…}` first, then plain JavaScript with top-level `await` and `return`.
 * `body` is what the sandbox runs, with the line numbers of `source`.
 * Throws ConvergeError of kind `script` whose message begins with the place, `script.js:line:column: `.
 */
export function parseScript(source: string, as: ScriptFile = {}): { meta: ScriptMeta; body: GuestCode } {
  const { file = SCRIPT_FILE, sourceBytes = SCRIPT_LIMITS.sourceBytes, called = null } = as;
  const bytes = Buffer.byteLength(source);
  if (bytes > sourceBytes)
    throw new ConvergeError('script', `the script has ${bytes} bytes; expected at most ${sourceBytes}. Make it shorter.`);
  try {
    const { program } = syntaxOf(source);
    const statement = program.body[0];
    const meta = readMeta(statement);
    refuseModules(program, statement);
    return { meta, body: instrument(source, program, called) };
  } catch (thrown) {
    if (thrown instanceof Misplaced) throw new ConvergeError('script', `${file}:${thrown.message}`);
    throw thrown;
  }
}

const SCRIPT_FILE = 'script.js';

/** Something wrong at a place; the message begins with `line:column: `. */
class Misplaced extends Error {}

/** The unwrapped source is parsed, so that nothing in it can close the wrapper it will run in. Throws Misplaced. */
export function syntaxOf(source: string): { readonly program: Program; readonly comments: readonly Comment[] } {
  const comments: Comment[] = [];
  try {
    const program = parse(source, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      allowReturnOutsideFunction: true,
      locations: true,
      onComment: comments,
    });
    return { program, comments };
  } catch (thrown) {
    if (thrown instanceof SyntaxError && 'loc' in thrown) {
      const { line, column } = z.object({ line: z.number(), column: z.number() }).parse(thrown.loc);
      const found = thrown.message.replace(/\s*\(\d+:\d+\)$/u, '');
      throw fault({ line, column }, `${found}; expected plain JavaScript (no type annotations)`);
    }
    throw thrown;
  }
}

function readMeta(statement: Statement | ModuleDeclaration | undefined): ScriptMeta {
  const declaration = statement?.type === 'ExportNamedDeclaration' ? statement.declaration : undefined;
  const declarator = declaration?.type === 'VariableDeclaration' && declaration.kind === 'const' ? declaration.declarations[0] : undefined;
  const init = declarator?.id.type === 'Identifier' && declarator.id.name === 'meta' ? declarator.init : undefined;
  if (init === undefined || init === null) {
    throw fault(statement?.loc?.start, `the script begins with something else than its meta; expected ${META_FORM}`);
  }
  const literal = pureLiteral(init);
  if (!literal.ok)
    throw fault(literal.at.loc?.start, `meta holds ${literal.found}; expected ${META_FORM}: no variables, calls, spreads or interpolation`);
  const meta = Meta.safeParse(literal.value);
  if (!meta.success) {
    const issues = meta.error.issues.map((issue) => `${issue.path.join('.') || 'meta'}: ${issue.message}`).join('; ');
    throw fault(init.loc?.start, `meta is not complete (${issues}); expected ${META_FORM}`);
  }
  return meta.data;
}

function refuseModules(program: Program, meta: AnyNode | undefined): void {
  for (const node of walk(program)) {
    if (node.type === 'ImportExpression' || node.type === 'ImportDeclaration') {
      throw fault(node.loc?.start, 'found an import, expected none: the primitives are there by themselves');
    }
    if (node.type === 'MetaProperty' && node.meta.name === 'import')
      throw fault(node.loc?.start, 'found import.meta, expected none: it does not exist in a script');
    if (node.type.startsWith('Export') && node !== meta && node.type !== 'ExportSpecifier') {
      throw fault(node.loc?.start, 'found another export, expected `meta` alone: a script ends with `return`');
    }
  }
}

/** acorn's columns begin with 0, people's and the interpreter's with 1. */
function fault(at: { line: number; column: number } | null | undefined, message: string): Misplaced {
  const place = at ? `${at.line}:${at.column + 1}` : '1:1';
  return new Misplaced(`${place}: ${message}.`);
}
