import { describe, expect, test } from 'vitest';
import { ownersBy } from '../../src/plan/codeowners.ts';

/** The example of GitHub's own documentation. */
const DOCUMENTED = `
# This is a comment.
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/* docs2@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/ @octocat
/apps/github
`;

describe("GitHub's documented example", () => {
  test.each([
    ['README.md', ['@global-owner1', '@global-owner2']],
    ['deep/in/src/a.js', ['@js-owner']],
    ['a.go', ['docs@example.com']],
    ['build/logs/x/y.log', ['@octocat']],
    ['docs/getting-started.md', ['@doctocat']],
    ['docs/build-app/troubleshooting.md', ['@doctocat']],
    ['scripts/run.sh', ['@doctocat', '@octocat']],
    ['deep/logs/a', ['@octocat']],
    ['logs/deep/a', ['@octocat']],
    ['apps/x.js', ['@octocat']],
    ['apps/github/x.js', []],
    ['apps/github', []],
  ])('%s', (path, owners) => {
    expect(ownersBy(DOCUMENTED)(path)).toEqual(owners);
  });
});

describe('one rule', () => {
  test.each([
    ['docs/* @a', 'docs/x.md', true],
    ['docs/* @a', 'docs/sub/x.md', false],
    ['docs/* @a', 'other/docs/x.md', false],
    ['docs @a', 'other/docs/x.md', true],
    ['apps/ @a', 'other/apps/x.md', true],
    ['/apps/ @a', 'other/apps/x.md', false],
    ['/src/**/gen @a', 'src/gen/x', true],
    ['/src/**/gen @a', 'src/a/b/gen/x', true],
    ['src/** @a', 'src/a/b', true],
    ['src/** @a', 'src', false],
    ['file?.js @a', 'x/file1.js', true],
    ['file?.js @a', 'x/file12.js', false],
    ['a*b*c.js @a', 'a-b-b-c.js', true],
    [String.raw`with\ space/ @a`, 'with space/x', true],
    ['*.JS @a', 'x.js', false],
    ['!*.js @a', '!x.js', false],
    ['[ab].js @a', 'a.js', false],
    ['# *.js @a', 'x.js', false],
  ])('%s for %s: %s', (rule, path, owned) => {
    expect(ownersBy(rule)(path)).toEqual(owned ? ['@a'] : []);
  });
});

test('the last rule that matches counts, one without owners takes them away', () => {
  const owners = ownersBy('*.js @all\n/gen/\r\n/gen/keep.js @keep');
  expect(owners('a.js')).toEqual(['@all']);
  expect(owners('gen/a.js')).toEqual([]);
  expect(owners('gen/keep.js')).toEqual(['@keep']);
});

test('a hostile pattern is answered at once', () => {
  const owners = ownersBy(`${'*a'.repeat(60)}b @a\n${'**/a/'.repeat(60)}b @b`);
  expect(owners('a'.repeat(4_000))).toEqual([]);
  expect(owners('a/'.repeat(500) + 'c')).toEqual([]);
});
