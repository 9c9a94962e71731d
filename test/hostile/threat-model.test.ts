import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const SECTION = /^### What is guaranteed$([^]*?)^### /mu.exec(readFileSync(at('src/README.md'), 'utf8'))?.[1] ?? '';

interface Row {
  readonly guarantee: string;
  /** Below `src/`. */
  readonly keptBy: readonly string[];
  /** Below `test/`, with the beginning of a test's name where only that one attacks. */
  readonly attackedBy: readonly { readonly file: string; readonly name: string | null }[];
}

const ROWS: readonly Row[] = SECTION.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| guarantee |'))
  .map((line) => {
    const [guarantee = '', keptBy = '', attackedBy = ''] = line
      .slice(1)
      .split(' | ')
      .map((cell) => cell.replace(/\|\s*$/u, '').trim());
    return {
      guarantee,
      keptBy: [...keptBy.matchAll(/`([^`]+)`/gu)].map(([, path]) => path ?? ''),
      attackedBy: attackedBy.split(/[,;] (?=`)/u).map((one) => {
        const [, file = '', name] = /^`([^`]+)`(?: › (.+))?$/u.exec(one) ?? [];
        return { file, name: name ?? null };
      }),
    };
  });

test('the table of guarantees is read', () => {
  expect(ROWS.length).toBeGreaterThanOrEqual(20);
});

test.each(ROWS)('$guarantee: every file and every test that is named is there', ({ keptBy, attackedBy }) => {
  expect(keptBy).not.toEqual([]);
  expect(keptBy.filter((path) => !existsSync(at(`src/${path}`)))).toEqual([]);
  expect(attackedBy.filter(({ file }) => !file.endsWith('.test.ts') || !existsSync(at(`test/${file}`)))).toEqual([]);
  const unnamed = attackedBy.filter(({ file, name }) => name !== null && !readFileSync(at(`test/${file}`), 'utf8').includes(name));
  expect(unnamed).toEqual([]);
});
