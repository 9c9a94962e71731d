import type { AnyNode, Position, Program } from 'acorn';

/** Text that was put into a line of the script: [column it stands before, in bytes from 0 of the original; its length]. */
type Insert = readonly [column: number, length: number];

/** The script as the interpreter runs it, and what is needed to tell places of the original from it. */
export interface GuestCode {
  /** An expression: an async function of `$at`, `$in`, `$loop` and `workflow`, a saved script's of `args` too (guest/primitives.js). */
  readonly code: string;
  /** By line, in order of column. Lines are never moved. */
  readonly inserts: { readonly [line: string]: readonly Insert[] };
  /** Text of the lines that are not ASCII: the interpreter counts columns in bytes of UTF-8, people and editors in UTF-16 units. */
  readonly wide: { readonly [line: string]: string };
  /** Places of loops: `$loop[0] = n` means that the loop at `loops[n - 1]` began a turn; of a saved script, counted on from those before it. */
  readonly loops: readonly string[];
}

interface Edit {
  readonly offset: number;
  readonly at: Position;
  readonly text: string;
  /** Of two edits at one place the smaller comes first: of closings the inner one, of openings the outer one. */
  readonly rank: number;
}

// A block of its own, so that a script may declare `args` or `workflow` itself.
const OPEN = 'async($at,$in,$loop,workflow)=>{{';
const OPEN_SAVED = 'async($at,$in,$loop,workflow,args)=>{{';
const CLOSE = '\n}}';

/** Of a saved script that another calls: its places begin with the file's name, its loops are numbered after so many others. */
export interface CalledFile {
  readonly file: string;
  readonly loopsBefore: number;
}

/** Callees that are told where they are called: the interpreter's own frames point into the arguments. */
const PLACED: ReadonlySet<string> = new Set(
  'agent parallel pipeline phase log workflow files grep migrate codemod review revise check accept approval'.split(' '),
);

/**
 * Wraps a script so that it can be run and so that, when it hangs or errs, its own line is known:
 * `await x` becomes `await $at("3:9",(x))`, which notes what is waited for; `agent(…)` becomes `$in("3:9",agent)(…)`; each loop notes that it goes round.
 * None changes what the script does.
 */
export function instrument(source: string, program: Program, called: CalledFile | null = null): GuestCode {
  const place = (node: AnyNode): string => (called === null ? placeOf(node) : `${called.file}:${placeOf(node)}`);
  const before = called?.loopsBefore ?? 0;
  const edits: Edit[] = [{ offset: 0, at: { line: 1, column: 0 }, text: called === null ? OPEN : OPEN_SAVED, rank: -Infinity }];
  const loops: string[] = [];
  let code = source;
  for (const node of walk(program)) {
    if (node.type === 'ExportNamedDeclaration') code = `${code.slice(0, node.start)}       ${code.slice(node.start + 'export '.length)}`;
    if (node.type === 'AwaitExpression') edits.push(...around(node.argument, ` $at("${place(node)}",(`, '))'));
    if (node.type === 'CallExpression' && node.callee.type === 'Identifier' && PLACED.has(node.callee.name)) {
      edits.push(...around(node.callee, `$in("${place(node)}",`, ')'));
    }
    if (isLoop(node)) {
      loops.push(place(node));
      edits.push(...inLoop(node.body, `$loop[0]=${before + loops.length};`));
    }
  }
  const sorted = edits.toSorted((a, b) => a.offset - b.offset || a.rank - b.rank);
  const wide = wideLines(source);
  return { code: applied(code, sorted) + CLOSE, inserts: insertsOf(sorted, wide), wide, loops };
}

/** Every node of a syntax tree, without recursion: a script's depth must not be ours. */
export function* walk(root: AnyNode): Generator<AnyNode> {
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (isNode(value)) yield value;
    if (typeof value !== 'object' || value === null || value instanceof RegExp) continue;
    for (const child of Object.values(value)) if (typeof child === 'object') waiting.push(child);
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}

type Loop = Extract<AnyNode, { type: `For${string}` | `While${string}` | `DoWhile${string}` }>;

function isLoop(node: AnyNode): node is Loop {
  return ['ForStatement', 'ForInStatement', 'ForOfStatement', 'WhileStatement', 'DoWhileStatement'].includes(node.type);
}

function inLoop(body: AnyNode, text: string): Edit[] {
  if (body.type !== 'BlockStatement') return around(body, `{${text}`, '}');
  const { line, column } = startOf(body);
  return [{ offset: body.start + 1, at: { line, column: column + 1 }, text, rank: 0 }];
}

function around(node: AnyNode, before: string, after: string): Edit[] {
  return [
    { offset: node.start, at: startOf(node), text: before, rank: -node.end },
    { offset: node.end, at: node.loc?.end ?? { line: 1, column: 0 }, text: after, rank: -node.start },
  ];
}

function startOf(node: AnyNode): Position {
  return node.loc?.start ?? { line: 1, column: 0 };
}

function placeOf(node: AnyNode): string {
  const { line, column } = startOf(node);
  return `${line}:${column + 1}`;
}

function applied(code: string, edits: readonly Edit[]): string {
  const parts: string[] = [];
  let done = 0;
  for (const edit of edits) {
    parts.push(code.slice(done, edit.offset), edit.text);
    done = edit.offset;
  }
  return parts.join('') + code.slice(done);
}

function insertsOf(edits: readonly Edit[], wide: GuestCode['wide']): GuestCode['inserts'] {
  const lines: Record<string, Insert[]> = {};
  for (const { at, text } of edits) {
    const line = wide[at.line];
    const column = line === undefined ? at.column : Buffer.byteLength(line.slice(0, at.column));
    (lines[at.line] ??= []).push([column, text.length]);
  }
  return lines;
}

function wideLines(source: string): GuestCode['wide'] {
  const lines = source.split(/\r\n|[\n\r\u2028\u2029]/u).map((text, index): [number, string] => [index + 1, text]);
  return Object.fromEntries(lines.filter(([, text]) => Buffer.byteLength(text) !== text.length));
}
