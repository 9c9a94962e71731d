import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERE } from './github.ts';
import { type Begun, openScene, type Scene, TASK, withScene } from './support.ts';

/* Who commands, what is understood, and what each command does. One App and one repository, each test with an issue of its own. */

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ tests: ['text'], ci: false });
}, 60_000);

afterAll(() => scene.close());

async function newIssue(): Promise<number> {
  return (await scene.robin.octokit.rest.issues.create({ ...HERE, title: 'A question' })).data.number;
}

function reactions(comment: number): readonly string[] {
  return [...scene.hub.state.reactions.values()].filter(({ subjectId }) => subjectId === comment).map(({ content }) => content);
}

/** Asks, and gives the reply; comments are carried out in order, so all that was said before has been dealt with. */
async function ask(issue: number, text: string): Promise<string> {
  return scene.reply(issue, await scene.robin.say(issue, text));
}

async function stop({ issue, run }: Begun): Promise<string> {
  const reply = await ask(issue, '/workflow stop');
  await scene.ended(run);
  return reply;
}

describe('E3 what commands nothing', () => {
  it('passes over quotes, fences, edits and bots', async () => {
    const issue = await newIssue();
    const quoted = await scene.robin.say(issue, '> /workflow help\n\nAs robin said.');
    const fenced = await scene.robin.say(issue, '```\n/workflow help\n```');
    const edited = await scene.robin.say(issue, 'Never mind.');
    await scene.robin.octokit.rest.issues.updateComment({ ...HERE, comment_id: edited, body: '/workflow help' });
    const bot = await scene.botSays(issue, '/workflow help');
    await ask(issue, '/workflow help');
    expect([quoted, fenced, edited, bot].flatMap((comment) => reactions(comment))).toEqual([]);
    expect(scene.ours(issue)).toHaveLength(1);
  });

  it('refuses a person without write access once, politely, and says what is missing', async () => {
    const issue = await newIssue();
    const comment = await scene.casey.say(issue, TASK);
    const reply = await scene.reply(issue, comment);
    expect(reply).toContain('@casey, found read access to this repository, expected write access');
    expect(reply).toContain('Ask somebody who may');
    expect(reactions(comment)).toEqual(['-1']);
    const again = [await scene.casey.say(issue, TASK), await scene.casey.say(issue, '/workflow hlep')];
    await ask(issue, '/workflow help');
    expect(scene.ours(issue)).toHaveLength(2);
    expect(again.flatMap((said) => reactions(said))).toEqual([]);
    // Elsewhere the same person is told again.
    const other = await newIssue();
    expect(await scene.reply(other, await scene.casey.say(other, TASK))).toContain('@casey, found read access');
  });
});

describe('what is not understood', () => {
  it.each([
    ['/workflow migrat the tests', 'Found the unknown command `migrat`, expected one of: migrate, approve', '/workflow help'],
    ['/workflow migrate x --pathes src', 'Found the unknown flag `--pathes`, expected one of: --paths', '/workflow migrate <task>'],
    ['/workflow approve', 'Found no hash after `approve`, expected the hash that the plan comment shows', '/workflow approve <hash>'],
    ['/workflow help\n\n/workflow status', 'Found 2 commands in one comment, expected one', '/workflow help'],
  ])('%j gets the right form', async (text, problem, form) => {
    const issue = await newIssue();
    const comment = await scene.robin.say(issue, text);
    const reply = await scene.reply(issue, comment);
    expect(reply).toContain(problem);
    expect(reply).toContain(`\`\`\`\n${form}`);
    expect(reactions(comment)).toEqual(['confused']);
  });

  it('says of commands of later versions that they are not there yet', async () => {
    const issue = await newIssue();
    const later = ['review'];
    for (const command of later)
      expect(await ask(issue, `/workflow ${command}`)).toContain(`\`/workflow ${command.split(' ')[0]}\` is not there yet`);
  });
});

describe('help and status', () => {
  it('help shows every command with its form', async () => {
    const reply = await ask(await newIssue(), '/workflow help');
    for (const command of ['migrate', 'approve', 'revise', 'status', 'stop', 'undo']) expect(reply).toContain(`\`/workflow ${command}`);
  });

  it.each(['status', 'stop', 'approve 0123456789ab', 'revise less'])('%s without a run says so', async (command) => {
    expect(await ask(await newIssue(), `/workflow ${command}`)).toContain(
      'There is no unfinished run here. `/workflow migrate <task>` starts one.',
    );
  });
});

describe('a run that waits for approval', () => {
  it('is one at a time, is shown by status, is planned again by revise, and ends by stop', { timeout: 120_000 }, async () => {
    const begun = await scene.begin();
    const { issue, run } = begun;
    const first = await scene.planned(run);

    const second = await ask(issue, TASK);
    expect(second).toContain(`There is a run here already (\`${run}\`, [its status](${scene.hub.url}/`);
    expect(await ask(issue, '/workflow status')).toMatch(/^### 🖐️ Waiting for approval of the plan[\s\S]*\/workflow approve [0-9a-f]{12}/u);

    expect(await ask(issue, '/workflow revise leave test/text/wrap.test.js out')).toContain(
      'Planning again: leave test/text/wrap.test.js out',
    );
    const again = await scene.planned(run, first.planHash);
    expect(scene.ours(issue).some((body) => body.includes('**Planned again:** leave test/text/wrap.test.js out'))).toBe(true);
    const stale = await ask(issue, `/workflow approve ${first.planHash.slice(0, 12)}`);
    expect(stale).toContain(`Found the hash \`${first.planHash.slice(0, 12)}\`, expected \`${again.planHash.slice(0, 12)}\``);
    expect(scene.ours(issue).filter((body) => body.startsWith('## Plan, revised (2)'))).toHaveLength(1);

    const stopped = await stop(begun);
    expect(stopped).toMatch(/^Stopped\. Nothing was delivered\. No shard was accepted yet\. It cost \$\d+\.\d\d\./u);
    const facts = await scene.facts(run);
    expect(facts).toMatchObject({ status: 'stopped', why: expect.stringContaining('robin') });
    await scene.until('the status comment to say it', () => scene.ours(issue)[0]?.startsWith('### ⏹️ Stopped'));
  });

  it('is commanded in its pull request alike', async () => {
    const begun = await scene.begin();
    const { pullRequest } = await scene.planned(begun.run);
    const number = pullRequest?.number ?? 0;
    expect(await ask(number, '/workflow approve 0123456789ab')).toContain('Found the hash');
    expect(await ask(number, '/workflow stop')).toContain('Stopped.');
    expect((await scene.ended(begun.run)).status).toBe('stopped');
  });

  it('starts once when its webhook is delivered twice', async () => {
    const issue = await newIssue();
    scene.hub.faults.nextDelivery({ event: 'issue_comment' }, 'duplicate');
    const comment = await scene.robin.say(issue, TASK);
    const begun = { issue, comment, run: scene.runOf(comment) };
    await scene.planned(begun.run);
    await stop(begun);
    expect([...scene.hub.state.deliveries.values()].filter(({ payload }) => payload.includes(`"id":${comment},`))).toHaveLength(2);
    expect(reactions(comment)).toEqual(['eyes']);
    expect(scene.ours(issue).filter((body) => body.includes('<sub>Converge run'))).toHaveLength(1);
  });
});

describe('where the result goes', () => {
  it('only plans with --plan-only: no branch, no pull request', async () => {
    const begun = await scene.begin(`${TASK} --plan-only`);
    const facts = await scene.ended(begun.run);
    expect(facts).toMatchObject({ status: 'stopped', pullRequest: null, why: expect.stringContaining('Planned only') });
    expect(scene.ours(begun.issue).some((body) => body.startsWith('## Plan') && body.includes('> **Only planned.**'))).toBe(true);
    expect(await scene.git('branch', '--list', `converge/${begun.run}`)).toBe('');
  });

  it('goes into the head of a pull request of the same repository', async () => {
    await scene.git('branch', 'feature', 'main');
    await scene.push('feature', { 'src/new.js': 'export const more = 1;\n' });
    const { data } = await scene.robin.octokit.rest.pulls.create({ ...HERE, title: 'More', head: 'feature', base: 'main' });
    const comment = await scene.robin.say(data.number, TASK);
    const begun = { issue: data.number, comment, run: scene.runOf(comment) };
    const { pullRequest } = await scene.planned(begun.run);
    const made = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: pullRequest?.number ?? 0 });
    expect(made.data.base.ref).toBe('feature');
    expect(await scene.git('rev-parse', `converge/${begun.run}^`)).toBe(await scene.git('rev-parse', 'feature'));
    await stop(begun);
  });

  it('only plans on a pull request from a fork, and says why', async () => {
    const number = await scene.forkPullRequest('fern');
    const comment = await scene.robin.say(number, TASK);
    const facts = await scene.ended(scene.runOf(comment));
    expect(facts).toMatchObject({ status: 'stopped', pullRequest: null });
    expect(scene.ours(number).find((body) => body.startsWith('## Plan'))).toContain(
      '> **Only planned.** This pull request comes from a fork, and an App cannot push there',
    );
  });

  it('says which branch it did not find', async () => {
    const begun = await scene.begin(`${TASK} --base nowhere`);
    const facts = await scene.ended(begun.run);
    expect(facts.status).toBe('failed');
    expect(facts.why).toContain('Found no branch `nowhere` in acme/tally');
    expect(facts.why).toContain('Name one that exists with `--base <branch>`');
    await scene.until('the status comment to say it', () => scene.ours(begun.issue)[0]?.includes('Found no branch `nowhere`'));
  });
});

describe('consent', () => {
  it('is needed from the default branch', async () => {
    await scene.push('main', { '.github/converge.yml': 'enabled: false\n' });
    const reply = await ask(await newIssue(), TASK);
    expect(reply).toContain('Converge is off in this repository: found no `.github/converge.yml` with `enabled: true` on `main`');
    expect(reply).toContain('enabled: true\nchecks:');
  });

  it('is refused with the exact key when it is not valid', async () => {
    await scene.push('main', { '.github/converge.yml': 'enabled: true\nlimits:\n  dollars: many\nreviewer: 2\n' });
    const reply = await ask(await newIssue(), TASK);
    expect(reply).toContain('`.github/converge.yml` on `main` is not valid, so nothing was started');
    expect(reply).toMatch(/\| `limits\.dollars` \| the text "many" \| dollars for each run, more than 0 \|/u);
    expect(reply).toContain('`reviewer`');
    expect(reply).toContain('Mend the file on that branch');
  });

  it('is needed from the operator, too', async () => {
    await withScene({ tests: ['text'], ci: false, allowedOwner: 'somebody-else' }, async (other) => {
      const begun = await other.begin();
      const reply = await other.reply(begun.issue, begun.comment);
      expect(reply).toContain(
        'Neither the account `acme` nor the repository `acme/tally` is among those that the operator of this Converge lets spend',
      );
      expect(reply).toContain('`ALLOWED_OWNERS`');
      expect(other.claude.counts.snapshot().requests).toBe(0);
    });
  });
});
