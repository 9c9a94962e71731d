import { posix } from 'node:path';
import { standardTolerance } from './library.ts';
import type { Library } from './library.ts';
import { grepHits } from './tool-results.ts';
import type { ToolResult } from './tool-results.ts';
import type { ToolCall } from './conversation.ts';
import { tokenise } from './source/tokens.ts';

/** Finds modules that export `near`. */
export const NEAR_SEARCH: ToolCall = { name: 'grep', input: { pattern: '^export (function|const) near[^A-Za-z0-9_]' } };

/** The module that tests import `near` from: one that the guide names, else one that is there. */
export function chooseNearHelper(hits: ToolResult | undefined, system: string): string | null {
  const named = [...system.matchAll(/`([^`\s]+\/near\.[cm]?js)`/g)].map((found) => found[1] ?? '');
  const there = grepHits(hits).map((hit) => hit.path);
  return named.find((path) => there.includes(path)) ?? there[0] ?? null;
}

export function isNearHelper(path: string): boolean {
  return /^near\.[cm]?js$/.test(posix.basename(path));
}

/** The text of the module, with the library's own default. */
export function nearHelperText(library: Library): string {
  const tolerance = standardTolerance(library) ?? '1e-9';
  return [
    `import assert from 'node:assert/strict';`,
    '',
    `/** Passes when \`actual\` is within \`tolerance\` of \`expected\`, the bound included: \`${library.checks}.near\` of ${library.path}, with the same default. */`,
    `export function near(actual, expected, tolerance = ${tolerance}, message = \`\${actual} is not within \${tolerance} of \${expected}\`) {`,
    '  assert.ok(Math.abs(actual - expected) <= tolerance, message);',
    '}',
    '',
  ].join('\n');
}

/** The default tolerance of a module that exports `near`; null when it exports none. */
export function helperTolerance(source: string): string | null {
  const tokens = tokenise(source);
  const at = tokens.findIndex((token, index) => token.text === 'tolerance' && tokens[index + 1]?.text === '=');
  return at < 0 || !/^export function near\(/m.test(source) ? null : (tokens[at + 2]?.text ?? null);
}
