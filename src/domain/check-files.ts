import type { Check } from './plan.ts';

interface CheckFile {
  /** Of the whole path. */
  readonly pattern: RegExp;
  readonly why: string;
}

/** Files that decide what a check runs, whatever directory they are in: a change of one can make every later check say yes. */
const CHECK_FILES: readonly CheckFile[] = [
  { pattern: /^\.github\/(?:workflows|actions)\//u, why: 'CI' },
  { pattern: /^\.(?:circleci|buildkite|woodpecker|teamcity)\//u, why: 'CI' },
  { pattern: /(?:^|\/)(?:\.gitlab-ci\.yml|\.travis\.yml|azure-pipelines\.yml|bitbucket-pipelines\.yml|Jenkinsfile)$/u, why: 'CI' },
  { pattern: /(?:^|\/)(?:\.husky\/|\.pre-commit-config\.yaml$|lefthook\.ya?ml$)/u, why: 'hooks' },
  { pattern: /(?:^|\/)(?:GNUm|M|m)akefile$|\.mk$/u, why: 'targets of make' },
  { pattern: /(?:^|\/)(?:justfile|Justfile|Taskfile\.ya?ml|Rakefile|gulpfile\.\w+|Gruntfile\.\w+|noxfile\.py)$/u, why: 'tasks' },
  {
    pattern: /(?:^|\/)(?:jest|vitest|karma|playwright|cypress|ava|wdio)\.(?:config|conf|workspace|setup)\.[\w.-]+$/u,
    why: 'the test runner',
  },
  { pattern: /(?:^|\/)(?:\.mocharc|\.nycrc|\.c8rc|\.taprc)(?:\.[\w.-]+)?$/u, why: 'the test runner' },
  { pattern: /(?:^|\/)(?:pytest\.ini|tox\.ini|conftest\.py|setup\.cfg|pyproject\.toml|\.coveragerc)$/u, why: 'the test runner' },
  { pattern: /(?:^|\/)(?:phpunit\.xml(?:\.dist)?|\.rspec|spec_helper\.rb)$/u, why: 'the test runner' },
  { pattern: /(?:^|\/)(?:vite|rollup|webpack|babel|esbuild|tsup|turbo|nx|metro|next)\.config\.[\w.-]+$/u, why: 'the build' },
  { pattern: /(?:^|\/)(?:\.babelrc(?:\.[\w.-]+)?|\.swcrc|turbo\.json|nx\.json|project\.json|lerna\.json)$/u, why: 'the build' },
  { pattern: /(?:^|\/)(?:[jt]sconfig(?:\.[\w.-]+)?\.json)$/u, why: 'the type checker' },
  { pattern: /(?:^|\/)(?:mypy\.ini|\.mypy\.ini|pyrightconfig\.json|phpstan\.neon(?:\.dist)?)$/u, why: 'the type checker' },
  {
    pattern: /(?:^|\/)(?:\.eslintrc(?:\.[\w.-]+)?|eslint\.config\.[\w.-]+|\.eslintignore|\.oxlintrc\.json|biome\.jsonc?)$/u,
    why: 'the linter',
  },
  {
    pattern: /(?:^|\/)(?:\.?ruff\.toml|\.flake8|\.pylintrc|\.rubocop\.yml|\.golangci\.ya?ml|clippy\.toml|\.stylelintrc(?:\.[\w.-]+)?)$/u,
    why: 'the linter',
  },
  { pattern: /(?:^|\/)(?:pom\.xml|(?:build|settings)\.gradle(?:\.kts)?|gradle\.properties|gradlew|mvnw|build\.sbt)$/u, why: 'the build' },
  { pattern: /(?:^|\/)(?:composer\.json|deno\.jsonc?|Cargo\.toml|mix\.exs)$/u, why: 'scripts and the build' },
  { pattern: /(?:^|\/)(?:CMakeLists\.txt|meson\.build|BUILD(?:\.bazel)?|WORKSPACE|build\.rs|\.cargo\/config\.toml)$/u, why: 'the build' },
  { pattern: /(?:^|\/)(?:\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|bunfig\.toml|pip\.conf)$/u, why: 'what installs packages' },
];

/** Keys of a package.json that decide what a check runs. */
export const PACKAGE_KEYS: readonly string[] = [
  'scripts',
  'jest',
  'vitest',
  'mocha',
  'ava',
  'tap',
  'nyc',
  'c8',
  'babel',
  'eslintConfig',
  'lint-staged',
];

/** What of the plan's checks this file decides, in words; null when it decides nothing of them. A package.json decides by some of its keys alone. */
export function decidesChecks(path: string, checks: readonly Check[]): string | null {
  const named = checks.find(({ run }) => run.split(/[\s;&|()<>'"`=]+/u).some((word) => word.replace(/^\.\//u, '') === path));
  if (named !== undefined) return `the check ${named.name} names it`;
  return CHECK_FILES.find(({ pattern }) => pattern.test(path))?.why ?? null;
}

export function isPackageManifest(path: string): boolean {
  return /(?:^|\/)package\.json$/u.test(path);
}
