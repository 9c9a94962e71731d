import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LocalGitHub } from '../../../src/local/github/server.ts';
import { localPages } from '../../../src/local/pages/pages.ts';
import type { Fixture, FixtureOptions } from '../github/support.ts';
import { FILES, withLocalGitHub, writeFiles } from '../github/support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };
const ONE = FILES['src/one.js'] ?? '';

interface Browser extends Fixture {
  /** The page at a path or an address. */
  readonly open: (path: string) => Promise<{ status: number; html: string }>;
}

function withPages(use: (browser: Browser) => Promise<void>, options: FixtureOptions = {}): Promise<void> {
  const started: { hub?: LocalGitHub } = {};
  const hub = (): LocalGitHub => {
    if (!started.hub) throw new Error('A page was asked for before the server had started');
    return started.hub;
  };
  return withLocalGitHub(
    async (fixture) => {
      started.hub = fixture.hub;
      const open: Browser['open'] = async (path) => {
        const answer = await fetch(new URL(path, fixture.hub.url));
        return { status: answer.status, html: await answer.text() };
      };
      await use({ ...fixture, open });
    },
    { ...options, pages: localPages(hub) },
  );
}

/** A draft on an empty commit, with a change pushed afterwards, as Converge does it. */
async function migrate(
  { bot, clone, git, mint }: Browser,
  changed: Readonly<Record<string, string>>,
): Promise<{ first: string; head: string; nodeId: string }> {
  const token = await mint();
  const directory = await clone(token);
  const commit = async (message: string): Promise<string> => {
    await git(directory, ['commit', '--quiet', '--allow-empty', '-m', message]);
    await git(directory, ['push', '--quiet', 'origin', 'HEAD:refs/heads/converge/run'], token);
    return git(directory, ['rev-parse', 'HEAD']);
  };
  const first = await commit('Begin');
  const pull = await bot.rest.pulls.create({
    ...HERE,
    head: 'converge/run',
    base: 'main',
    title: 'Move <all> tests',
    body: 'Closes #1',
    draft: true,
  });
  await writeFiles(directory, changed);
  await git(directory, ['add', '--all']);
  return { first, head: await commit('Move tests (money)\n\nConverge-Shard: money'), nodeId: pull.data.node_id };
}

/** The page's text, without elements. */
function textOf(html: string): string {
  return html.replaceAll(/<style>.*?<\/style>|<[^>]*>/gsu, ' ').replaceAll(/\s+/gu, ' ');
}

/** Asserts that all of these are on the page, in this order. */
function inOrder(html: string, words: readonly string[]): void {
  const text = textOf(html);
  let at = 0;
  for (const word of words) {
    const found = text.indexOf(word, at);
    expect(found, `"${word}" after "${text.slice(Math.max(0, at - 60), at)}"`).toBeGreaterThanOrEqual(0);
    at = found + word.length;
  }
}

/** Names of the files of a diff that are shown unfolded. */
function filesShown(html: string): readonly string[] {
  const heads = html.matchAll(/<details class="file"(?<attributes>[^>]*)>(?<summary>.*?)<\/summary>/gsu);
  return [...heads].flatMap(({ groups }) => (/ open\b/u.test(groups?.['attributes'] ?? '') ? [textOf(groups?.['summary'] ?? '')] : []));
}

/** Every value of these names, however deep. */
function addresses(value: unknown, names: ReadonlySet<string>): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((one) => addresses(one, names));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    typeof inner === 'string' && names.has(name) ? [inner] : addresses(inner, names),
  );
}

test('every address for people that the API gives leads to a page, and to a place on it', async () => {
  await withPages(
    async (browser) => {
      const { alice, bot, asApp, open, hub } = browser;
      await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
      await bot.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'Planning' });
      const { head } = await migrate(browser, { 'src/one.js': ONE.replace('line15 = 15', 'line15 = 1500'), 'deep/ä b.txt': 'x\n' });
      const inline = [{ path: 'src/one.js', line: 15, side: 'RIGHT' as const, body: 'here' }];
      await bot.rest.pulls.createReview({ ...HERE, pull_number: 2, event: 'COMMENT', body: 'Seen', comments: inline });
      await bot.rest.checks.create({ ...HERE, name: 'converge', head_sha: head });
      await hub.settled();
      const answers = await Promise.all([
        alice.rest.repos.get(HERE),
        alice.rest.issues.listForRepo({ ...HERE, state: 'all' }),
        alice.rest.issues.listComments({ ...HERE, issue_number: 1 }),
        alice.rest.pulls.get({ ...HERE, pull_number: 2 }),
        alice.rest.pulls.listReviews({ ...HERE, pull_number: 2 }),
        alice.rest.pulls.listReviewComments({ ...HERE, pull_number: 2 }),
        alice.rest.pulls.listCommits({ ...HERE, pull_number: 2 }),
        alice.rest.pulls.listFiles({ ...HERE, pull_number: 2 }),
        bot.rest.checks.listForRef({ ...HERE, ref: head }),
        asApp.rest.apps.getAuthenticated(),
      ]);
      const found = [
        ...new Set(
          addresses(
            answers.map(({ data }) => data),
            new Set(['html_url', 'details_url', 'blob_url', 'raw_url']),
          ),
        ),
      ];
      expect(found.length).toBeGreaterThan(15);
      for (const address of found) {
        const { status, html } = await open(address);
        expect([address, status]).toEqual([address, 200]);
        const { hash } = new URL(address);
        if (hash !== '') expect(html).toContain(`id="${hash.slice(1)}"`);
      }
      expect(found.filter((address) => address.includes('#'))).toHaveLength(3);
    },
    { ci: { run: () => Promise.resolve([{ name: 'test', conclusion: 'success', summary: 'fine' }]) } },
  );
});

test('a conversation tells in order what was said and done, by whom', async () => {
  await withPages(async (browser) => {
    const { alice, bot, open } = browser;
    await alice.rest.issues.create({ ...HERE, title: 'Migrate', body: 'all of `it`', labels: ['tests'] });
    const { data: command } = await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: '/workflow migrate it' });
    await bot.rest.reactions.createForIssueComment({ ...HERE, comment_id: command.id, content: 'eyes' });
    const { first, head, nodeId } = await migrate(browser, { 'src/one.js': ONE.replace('line15 = 15', 'line15 = 1500') });
    const inline = [{ path: 'src/one.js', line: 15, side: 'RIGHT' as const, body: 'Is it meant?' }];
    await bot.rest.pulls.createReview({ ...HERE, pull_number: 2, event: 'COMMENT', commit_id: head, body: 'Accepted', comments: inline });
    await bot.graphql('mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { isDraft } } }', {
      id: nodeId,
    });
    await alice.rest.pulls.createReview({ ...HERE, pull_number: 2, event: 'APPROVE' });
    await alice.rest.issues.createComment({ ...HERE, issue_number: 2, body: 'Thank you' });

    const issue = await open('/acme/widgets/issues/1');
    inOrder(issue.html, ['Migrate #1', 'Open', 'alice opened this issue', 'all of it', 'alice commented', '/workflow migrate it', '👀 1']);
    expect(issue.html).toContain('converge[bot] reacted with eyes');
    inOrder(issue.html, ['Labels', 'tests', 'Development', 'Move &lt;all&gt; tests #2']);

    const pull = await open('/acme/widgets/pull/2');
    const said = ['Accepted', 'src/one.js', 'line 15', 'export const line15 = 1500;', 'Is it meant?'];
    const ready = [
      'marked this pull request as ready for review',
      'alice approved these changes',
      'alice commented',
      'Thank you',
      'No checks',
    ];
    const begun = [
      'Move &lt;all&gt; tests #2',
      'Open',
      'converge bot wants to merge 2 commits into main from converge/run',
      'Closes #1',
      'Begin',
      first.slice(0, 7),
    ];
    const pushed = ['added 1 commit', 'Move tests (money)', head.slice(0, 7), `reviewed ${head.slice(0, 7)}`];
    inOrder(pull.html, [...begun, ...pushed, ...said, ...ready, 'No conflicts with base branch', 'Reviewers', 'converge']);
    expect((await open('/acme/widgets/issues/2')).html).toContain('Move &lt;all&gt; tests');

    await alice.rest.pulls.update({ ...HERE, pull_number: 2, state: 'closed' });
    inOrder((await open('/acme/widgets/pull/2')).html, ['Closed', 'Thank you', 'alice closed this', 'Closed with unmerged commits']);
  });
});

test('a draft, a conflict and a merge are told as what they are', async () => {
  await withPages(async (browser) => {
    const { alice, open, clone, git, tokens } = browser;
    await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
    await migrate(browser, { 'src/two.js': 'export const two = 22;\n' });
    inOrder((await open('/acme/widgets/pull/2')).html, ['Draft', 'This pull request is still a work in progress']);
    const directory = await clone();
    await writeFiles(directory, { 'src/two.js': 'export const two = 222;\n' });
    await git(directory, ['commit', '--quiet', '-am', 'Another']);
    await git(directory, ['push', '--quiet', 'origin', 'main'], tokens.alice);
    inOrder((await open('/acme/widgets/pull/2')).html, ['This branch has conflicts that must be resolved']);
    await git(directory, ['merge', '--quiet', '-X', 'ours', '-m', 'Merge', 'origin/converge/run']);
    await git(directory, ['push', '--quiet', 'origin', 'main'], tokens.alice);
    inOrder((await open('/acme/widgets/pull/2')).html, [
      'Merged',
      'alice merged 2 commits into main',
      'merged',
      'Pull request merged and closed',
    ]);
    expect(textOf((await open('/acme/widgets/issues/1')).html)).toContain('Closed');
  });
});

test('files: comments stand below their lines; where the line changed since, they are outdated', async () => {
  await withPages(async (browser) => {
    const { alice, bot, open, clone, git, mint } = browser;
    await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
    const large = Array.from({ length: 700 }, (_, index) => `${index}\n`).join('');
    const hostile = { 'src/one.js': ONE.replace('line15 = 15', 'line15 = "</td><script>"'), 'large.txt': large, 'b.bin': 'a\0b' };
    const { head } = await migrate(browser, hostile);
    const at = { path: 'src/one.js', side: 'RIGHT' as const };
    const comments = [
      { ...at, line: 14, body: 'On a line that stays' },
      { ...at, line: 15, body: 'On a line that goes' },
    ];
    await bot.rest.pulls.createReview({ ...HERE, pull_number: 2, event: 'COMMENT', commit_id: head, body: 'Seen', comments });
    const before = await open('/acme/widgets/pull/2/files');
    inOrder(before.html, [
      '3 files changed',
      'export const line14 = 14;',
      'On a line that stays',
      'export const line15 = 15;',
      'line15 = &quot;&lt;/td&gt;&lt;script&gt;&quot;',
      'On a line that goes',
      'line16',
    ]);
    expect(before.html).not.toContain('Outdated');
    expect(filesShown(before.html)).toEqual([expect.stringContaining('b.bin'), expect.stringContaining('src/one.js')]);
    inOrder(before.html, ['b.bin', 'Binary file not shown.']);

    const directory = await clone();
    await git(directory, ['checkout', '--quiet', 'converge/run']);
    await git(directory, ['mv', 'src/two.js', 'src/second.js']);
    await writeFiles(directory, { 'src/one.js': ONE.replace('line15 = 15', 'line15 = 1') });
    await git(directory, ['commit', '--quiet', '-am', 'Mended']);
    await git(directory, ['push', '--quiet', 'origin', 'converge/run'], await mint());
    const after = await open('/acme/widgets/pull/2/files');
    inOrder(after.html, [
      'On a line that stays',
      'line15 = 1;',
      'Outdated',
      'On a line that goes',
      'src/two.js → src/second.js',
      'renamed',
    ]);
    // The commit that it was said of shows it where it was said.
    const commit = await open(`/acme/widgets/commit/${head}`);
    inOrder(commit.html, ['Move tests (money)', 'Converge-Shard: money', head, 'line15 = &quot;', 'On a line that goes', 'line16']);
    inOrder((await open('/acme/widgets/pull/2/commits')).html, ['3 commits', 'Begin', 'Move tests (money)', 'Mended']);
  });
});

test('checks: the base beside the head, outputs rendered, a run by itself', async () => {
  await withPages(
    async (browser) => {
      const { alice, bot, open, hub } = browser;
      await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
      const { first, head } = await migrate(browser, { 'src/two.js': 'broken\n' });
      await hub.settled();
      const annotations = [{ path: 'src/two.js', start_line: 1, end_line: 1, annotation_level: 'failure' as const, message: 'left over' }];
      const output = { title: 'Partly', summary: '**1** shard', text: '| Ended | Files |\n|---|--:|\n| migrated | 2 |', annotations };
      const { data: run } = await bot.rest.checks.create({
        ...HERE,
        name: 'converge',
        head_sha: head,
        conclusion: 'action_required',
        output,
      });
      const page = await open('/acme/widgets/pull/2/checks');
      const cells = [
        `Base ${first.slice(0, 7)}`,
        `Head ${head.slice(0, 7)}`,
        'test',
        'Successful',
        'Failing',
        'converge',
        'not run',
        'Action required',
      ];
      inOrder(page.html, cells);
      inOrder(page.html, ['Local CI / test', '1 of 2 fail', 'Partly', '1 shard', 'Ended', 'migrated', 'src/two.js, line 1', 'left over']);
      expect(page.html).toContain('<td align="right">2</td>');
      const alone = await open(`/acme/widgets/runs/${run.id}`);
      inOrder(alone.html, ['converge', head.slice(0, 7), '#2', 'Partly']);
      expect(textOf(alone.html)).not.toContain('1 of 2 fail');
      inOrder((await open('/acme/widgets/pull/2')).html, ['Some checks were not successful', '1 failing, 1 waiting for a person checks']);
      inOrder((await open('/acme/widgets')).html, ['Pull requests', 'Move &lt;all&gt; tests', 'Issues', 'Migrate']);
    },
    {
      ci: {
        run: async (directory) => {
          const broken = (await readFile(join(directory, 'src/two.js'), 'utf8')) === 'broken\n';
          return [{ name: 'test', conclusion: broken ? 'failure' : 'success', summary: broken ? '1 of 2 fail' : 'fine' }];
        },
      },
    },
  );
});

test('a page looks again by itself while something goes on, unless it is held still', async () => {
  await withPages(async ({ alice, bot, open, advance, pushBranch }) => {
    const refreshes = async (path: string): Promise<boolean> => (await open(path)).html.includes('http-equiv="refresh"');
    advance(-600_000);
    const head_sha = await pushBranch('topic', { 'a.txt': 'a\n' });
    await alice.rest.issues.create({ ...HERE, title: 'Migrate' });
    expect(await refreshes('/acme/widgets/issues/1')).toBe(false);
    const { data: run } = await bot.rest.checks.create({ ...HERE, name: 'converge', head_sha, status: 'in_progress' });
    expect(await refreshes('/acme/widgets/issues/1')).toBe(true);
    expect(await refreshes('/acme/widgets/issues/1?still')).toBe(false);
    await bot.rest.checks.update({ ...HERE, check_run_id: run.id, conclusion: 'success' });
    expect(await refreshes('/acme/widgets/issues/1')).toBe(false);
    advance(600_000);
    await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'Just now' });
    expect(await refreshes('/acme/widgets/issues/1')).toBe(true);
  });
});

test('what there is not, is a page that says so; every page forbids scripts', async () => {
  await withPages(async ({ alice, open }) => {
    await alice.rest.issues.create({
      ...HERE,
      title: '<script>alert(1)</script>',
      body: '<script>alert(1)</script> </div></main><img src=x onerror=alert(1)>',
    });
    const nowhere = [
      '/nobody',
      '/acme/nothing',
      '/acme/widgets/issues/9',
      '/acme/widgets/pull/1',
      '/acme/widgets/runs/1',
      '/acme/widgets/wiki',
    ];
    for (const path of [
      ...nowhere,
      '/acme/widgets/commit/0123abc',
      '/acme/widgets/blob/main/no.txt',
      '/acme/widgets/blob/--help/a',
      '/apps/none',
      '/%zz',
    ]) {
      const { status, html } = await open(path);
      expect([path, status]).toEqual([path, 404]);
      expect(html).toContain('There is no page at');
    }
    for (const path of [
      '/',
      '/acme',
      '/acme/widgets/',
      '/acme/widgets/issues',
      '/acme/widgets/pulls',
      '/acme/widgets/issues/1',
      '/apps/converge',
    ]) {
      const { status, html } = await open(path);
      expect([path, status]).toEqual([path, 200]);
      expect(html).toContain('default-src &#39;none&#39;');
      expect(html).not.toMatch(/<script|<img|onerror=alert\(1\)>/iu);
      expect(html.match(/<main\b/gu)).toHaveLength(1);
    }
    expect((await open('/acme/widgets/blob/main/src/two.js')).html).toContain('export const two = 2;');
  });
});
