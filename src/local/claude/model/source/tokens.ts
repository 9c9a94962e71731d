/** A piece of JavaScript by its offsets. White space is no token; a template literal is one, whatever is inside. */
export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'template' | 'regex' | 'comment' | 'punctuation';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const OPERAND_BEFORE_REGEX = new Set([
  'return',
  'typeof',
  'case',
  'in',
  'of',
  'delete',
  'void',
  'throw',
  'new',
  'else',
  'do',
  'await',
  'yield',
  'instanceof',
  'default',
]);

const SPACE = /\s+/y;
const WORD = /#?[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/uy;
const NUMBER = /(?:0[xob][\da-f_]+n?|(?:\d[\d_]*)?\.?\d[\d_]*(?:e[+-]?\d+)?n?)/iy;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const PUNCTUATION = /=>|\?\.(?!\d)|\.\.\.|[^\s\w]/y;

/** Tokens in order. What cannot be read (an open string) becomes punctuation, so that this never fails. */
export function tokenise(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let before: Token | null = null;
  while (at < source.length) {
    const space = match(SPACE, source, at);
    if (space !== null) {
      at += space.length;
      continue;
    }
    const token = nextToken(source, at, before);
    tokens.push(token);
    at = token.end;
    if (token.kind !== 'comment') before = token;
  }
  return tokens;
}

function nextToken(source: string, at: number, before: Token | null): Token {
  const make = (kind: Token['kind'], text: string): Token => ({ kind, text, start: at, end: at + text.length });
  if (source[at] === '`') return make('template', source.slice(at, templateEnd(source, at)));
  const readings: readonly (readonly [Token['kind'], RegExp])[] = [
    ['comment', COMMENT],
    ['string', STRING],
    ['word', WORD],
    ['number', NUMBER],
    ...(regexMayFollow(before) ? ([['regex', REGEX]] as const) : []),
    ['punctuation', PUNCTUATION],
  ];
  for (const [kind, pattern] of readings) {
    const text = match(pattern, source, at);
    if (text !== null) return make(kind, text);
  }
  return make('punctuation', source.slice(at, at + 1));
}

function match(pattern: RegExp, source: string, at: number): string | null {
  pattern.lastIndex = at;
  const found = pattern.exec(source)?.[0];
  return found === undefined || found === '' ? null : found;
}

function regexMayFollow(before: Token | null): boolean {
  if (before === null) return true;
  if (before.kind === 'word') return OPERAND_BEFORE_REGEX.has(before.text);
  return before.kind === 'punctuation' && ![')', ']', '}'].includes(before.text);
}

function templateEnd(source: string, start: number): number {
  let at = start + 1;
  while (at < source.length) {
    if (source[at] === '\\') at += 2;
    else if (source[at] === '`') return at + 1;
    else if (source.startsWith('${', at)) at = substitutionEnd(source, at + 2);
    else at += 1;
  }
  return source.length;
}

function substitutionEnd(source: string, start: number): number {
  let at = start;
  let before: Token | null = null;
  for (let depth = 1; at < source.length;) {
    const space = match(SPACE, source, at);
    if (space !== null) {
      at += space.length;
      continue;
    }
    const token = nextToken(source, at, before);
    at = token.end;
    if (token.kind !== 'comment') before = token;
    if (token.text === '{') depth += 1;
    if (token.text === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return source.length;
}

/** Tokens that mean something to the program. */
export function significant(source: string): readonly Token[] {
  return tokenise(source).filter((token) => token.kind !== 'comment');
}

/** Index of the bracket that closes the one at `open`; the last token when none does. */
export function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    const text = tokens[at]?.kind === 'punctuation' ? tokens[at]?.text : '';
    if (text === '(' || text === '[' || text === '{') depth += 1;
    if (text === ')' || text === ']' || text === '}') depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length - 1;
}

/** 1-based line of an offset. */
export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split('\n').length;
}
