import { Lang, type NapiConfig, parseAsync } from '@ast-grep/napi';
import { z } from 'zod';
import { ConvergeError, messageOf } from '../domain/errors.ts';

/** Families by the name that a plan may give, in lower case. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  javascript: ['javascript', 'js', 'jsx', 'mjs', 'cjs'],
  typescript: ['typescript', 'ts', 'mts', 'cts'],
  tsx: ['tsx'],
  html: ['html'],
  css: ['css'],
};

/**
 * Which parser reads which file. TypeScript's rules use its own node kinds, so that JavaScript files in their reach are read by its grammar with JSX,
 * which takes them all.
 */
const PARSERS: Readonly<Record<string, Readonly<Record<string, Lang>>>> = {
  javascript: { js: Lang.JavaScript, mjs: Lang.JavaScript, cjs: Lang.JavaScript, jsx: Lang.JavaScript },
  typescript: {
    ts: Lang.TypeScript,
    mts: Lang.TypeScript,
    cts: Lang.TypeScript,
    tsx: Lang.Tsx,
    js: Lang.Tsx,
    mjs: Lang.Tsx,
    cjs: Lang.Tsx,
    jsx: Lang.Tsx,
  },
  tsx: {
    tsx: Lang.Tsx,
    jsx: Lang.Tsx,
    js: Lang.Tsx,
    mjs: Lang.Tsx,
    cjs: Lang.Tsx,
    ts: Lang.TypeScript,
    mts: Lang.TypeScript,
    cts: Lang.TypeScript,
  },
  html: { html: Lang.Html, htm: Lang.Html },
  css: { css: Lang.Css },
};

const Config = z.custom<NapiConfig['rule']>((value) => typeof value === 'object' && value !== null);

export interface AstGrep {
  /** False for files of another language. */
  holds(path: string, source: string): Promise<boolean>;
}

/** Ends in a ConvergeError of kind `plan` for a language that is not built in and a rule that ast-grep refuses. */
export async function openAstGrep(language: string, rule: unknown): Promise<AstGrep> {
  const family = Object.keys(FAMILIES).find((name) => FAMILIES[name]?.includes(language.toLowerCase()));
  const parsers = family === undefined ? undefined : PARSERS[family];
  if (parsers === undefined) {
    throw new ConvergeError(
      'plan',
      `Found an ast-grep predicate for the language "${language}", expected one of ${Object.keys(FAMILIES).join(', ')}. ` +
        'For other languages use a regular expression or a command.',
    );
  }
  const matcher: NapiConfig = { rule: Config.parse(rule) };
  for (const parser of new Set(Object.values(parsers))) await find(parser, '', matcher);
  return {
    async holds(path, source) {
      const parser = parsers[path.slice(path.lastIndexOf('.') + 1).toLowerCase()];
      return parser !== undefined && find(parser, source, matcher);
    },
  };
}

async function find(parser: Lang, source: string, matcher: NapiConfig): Promise<boolean> {
  const root = await parseAsync(parser, source);
  try {
    return root.root().find(matcher) !== null;
  } catch (error) {
    throw new ConvergeError(
      'plan',
      `Found an ast-grep rule that ${parser} refuses: ${messageOf(error)}. Expected the object below \`rule:\` of ast-grep's YAML, such as ` +
        '{"pattern": "require($PATH)"} or {"any": [{"pattern": "…"}, {"kind": "…"}]}.',
      { cause: error },
    );
  }
}
