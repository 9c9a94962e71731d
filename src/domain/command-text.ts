import { Lexer } from 'marked';
import { isDeep } from './markdown-depth.ts';

/** `raw` as typed, for prose; `value` with its quotes resolved, for flags and names; `at` is its place in the line. */
export interface Word {
  readonly at: number;
  readonly raw: string;
  readonly value: string;
}

export type CommandText =
  | { readonly kind: 'none' }
  | { readonly kind: 'several'; readonly count: number }
  /** What follows `/workflow` on its line, whole and in words; and the rest of the comment, trimmed. */
  | { readonly kind: 'one'; readonly line: string; readonly words: readonly Word[]; readonly rest: string };

/** A command stands in this many characters of a comment, or is none: a parser of Markdown takes seconds for more, and anybody may write it. */
const COMMAND_WITHIN = 10_000;

const COMMAND_LINE = /^\/workflow(?:[ \t]+(.*))?$/iu;

/**
 * Finds the `/workflow` lines of a comment that a reader sees as plain text: Markdown decides, so that quotes (lazy continuation included), code,
 * lists, tables and HTML comments command nothing.
 */
export function commandText(body: string): CommandText {
  const source = body.replaceAll(/\r\n?/gu, '\n');
  // Most comments say nothing to us, and anybody may write one: they are not read as Markdown at all.
  if (!/^ {0,3}\/workflow/imu.test(source) || isDeep(source)) return { kind: 'none' };
  const lines: { readonly text: string; readonly end: number }[] = [];
  let offset = 0;
  for (const token of new Lexer().blockTokens(upToCommands(source))) {
    if (token.type === 'paragraph' || token.type === 'heading') {
      let at = offset;
      for (const line of token.raw.split('\n')) {
        const match = COMMAND_LINE.exec(line.trimEnd());
        if (match !== null) lines.push({ text: match[1] ?? '', end: at + line.length });
        at += line.length + 1;
      }
    }
    offset += token.raw.length;
  }
  const [first, ...others] = lines;
  if (first === undefined) return { kind: 'none' };
  if (others.length > 0) return { kind: 'several', count: lines.length };
  return { kind: 'one', line: first.text, words: splitWords(first.text), rest: source.slice(first.end).trim() };
}

/** The source up to its last line that may be a command, and the line after it, which may make a table of both. Nothing later can change what came before. */
function upToCommands(source: string): string {
  const lines = [...source.slice(0, COMMAND_WITHIN).matchAll(/^ {0,3}\/workflow/gimu)];
  const end = source.indexOf('\n', lines.at(-1)?.index ?? 0);
  const after = end === -1 ? -1 : source.indexOf('\n', end + 1);
  if (lines.length === 0) return '';
  return after === -1 ? source : source.slice(0, after);
}

/** Words by white space; quotes around a whole word (or a flag's value) keep its spaces. Dashes that keyboards make long are flags again. */
function splitWords(text: string): readonly Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/"([^"]*)"(?=\s|$)|'([^']*)'(?=\s|$)|(--[\w-]+=)(?:"([^"]*)"|'([^']*)')(?=\s|$)|\S+/gu)) {
    const [raw, double, single, flag, flagDouble, flagSingle] = match;
    const value = flag === undefined ? (double ?? single ?? raw) : `${flag}${flagDouble ?? flagSingle ?? ''}`;
    words.push({ at: match.index, raw, value: value.replace(/^[—–](?=[a-z])/u, '--') });
  }
  return words;
}
