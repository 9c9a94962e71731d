import { expect, test } from 'vitest';
import { decidesChecks } from '../../src/domain/check-files.ts';

const CHECKS = [{ name: 'compare', run: 'node ./scripts/compare.js --old=src/old.js && echo done', when: 'shard' }] as const;

test('configuration of tests, builds and linters is known in any directory; code, documents and data are not', () => {
  const deciding = [
    '.github/workflows/ci.yml',
    '.github/actions/x/action.yml',
    '.gitlab-ci.yml',
    'Makefile',
    'sub/build.mk',
    'vitest.config.ts',
    'packages/a/jest.config.cjs',
    '.mocharc.json',
    'tests/conftest.py',
    'pyproject.toml',
    'tsconfig.json',
    'packages/a/tsconfig.build.json',
    '.eslintrc.cjs',
    'eslint.config.js',
    'build.gradle.kts',
    'pom.xml',
    '.npmrc',
    '.husky/pre-commit',
    'scripts/compare.js',
    'src/old.js',
    'vitest.config.unit.ts',
    'jest.config.e2e.js',
    'webpack.config.prod.js',
    '.eslintrc.base.json',
    'eslint.config.base.mjs',
    'composer.json',
    'deno.json',
    'crates/a/Cargo.toml',
    'mix.exs',
  ];
  expect(deciding.filter((path) => decidesChecks(path, CHECKS) === null)).toEqual([]);
  const others = [
    'src/index.ts',
    'test/a.test.ts',
    'README.md',
    'package.json',
    'src/config.ts',
    'docs/makefile.md',
    'src/jest.ts',
    'data/pom.xml.txt',
    'compare.js',
    'src/mix.exs.ts',
    'docs/composer.json.md',
    'eslintrc.base.json',
  ];
  expect(others.filter((path) => decidesChecks(path, CHECKS) !== null)).toEqual([]);
  expect(decidesChecks('scripts/compare.js', CHECKS)).toBe('the check compare names it');
});
