import { parse, Lang } from '@ast-grep/napi';
import type { SgNode } from '@ast-grep/napi';

const LANGUAGES: Readonly<Record<string, Lang>> = {
  js: Lang.JavaScript,
  mjs: Lang.JavaScript,
  cjs: Lang.JavaScript,
  jsx: Lang.JavaScript,
  ts: Lang.TypeScript,
  mts: Lang.TypeScript,
  cts: Lang.TypeScript,
  tsx: Lang.Tsx,
  css: Lang.Css,
  html: Lang.Html,
  htm: Lang.Html,
};

/** JSON by name that allows comments by custom. */
const COMMENTED_JSON = /(^|\/)(tsconfig[^/]*|jsconfig|\.eslintrc|\.babelrc|devcontainer|settings|launch)\.json$/u;

/** `line` is 1-based; null when the parser names none. */
interface SyntaxFault {
  readonly line: number | null;
  readonly text: string;
}

export type SyntaxAnswer =
  | { readonly kind: 'parses' }
  | { readonly kind: 'broken'; readonly fault: SyntaxFault }
  | { readonly kind: 'no-parser' };

export function extensionOf(path: string): string {
  return /\.([^./]+)$/u.exec(path)?.[1]?.toLowerCase() ?? '';
}

/** Does the text parse as what its name says? JavaScript, TypeScript, JSX, CSS, HTML and JSON; for others there is no parser here. */
export function syntaxOf(path: string, text: string): SyntaxAnswer {
  if (extensionOf(path) === 'json' && !COMMENTED_JSON.test(path)) return jsonSyntax(text);
  const language = LANGUAGES[extensionOf(path)];
  if (language === undefined) return { kind: 'no-parser' };
  if (language === Lang.Html && isBottomless(text)) return { kind: 'no-parser' };
  const root = parse(language, text).root();
  const error = root.find({ rule: { kind: 'ERROR' } }) ?? (language === Lang.Html || language === Lang.Css ? null : missing(root));
  if (error === null) return { kind: 'parses' };
  const line = error.range().start.line;
  return { kind: 'broken', fault: { line: line + 1, text: text.split('\n')[line]?.trim() ?? '' } };
}

/** Elements that are opened and never closed, as many as no page has: the parser takes quadratic time for them, and nothing interrupts it. */
function isBottomless(html: string): boolean {
  return (html.match(/<[a-z]/giu)?.length ?? 0) - (html.match(/<\//gu)?.length ?? 0) > 2_000;
}

/** The root of a JavaScript or TypeScript text; null for other languages. */
export function scriptRoot(path: string, text: string): SgNode | null {
  const language = LANGUAGES[extensionOf(path)];
  return language === undefined || language === Lang.Html || language === Lang.Css ? null : parse(language, text).root();
}

/** A token that the parser made up to go on: no text and no ERROR node. */
function missing(root: SgNode): SgNode | null {
  const waiting = [root];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const { start, end } = node.range();
    if (start.index === end.index && node.isLeaf() && node.parent() !== null) return node;
    waiting.push(...node.children());
  }
  return null;
}

function jsonSyntax(text: string): SyntaxAnswer {
  try {
    JSON.parse(text);
    return { kind: 'parses' };
  } catch (error) {
    return { kind: 'broken', fault: { line: null, text: error instanceof Error ? error.message : String(error) } };
  }
}
