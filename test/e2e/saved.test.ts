import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { git, HERE } from './github.ts';
import { writeFiles } from './repository.ts';
import { type Begun, openScene, type Scene, TASK } from './support.ts';

/* Scripts that were saved: as a pull request, run again without a planner, from another repository, refused where they are wrong. One App. */

const ENTRY = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PLANNER = 'claude-opus-5-5';
const NOTHING = 'Nothing was started.';

let scene: Scene;
/** The run whose script is saved; it waits for approval. */
let first: Begun;

beforeAll(async () => {
  scene = await openScene({
    tests: ['text'],
    files: { 'test/text/table.test.js': null, 'test/text/wrap.test.js': null },
    ci: false,
    waits: { redriveMs: 600 },
    program: () => ({ entry: ENTRY, environment: { SCRIPT_REPOSITORIES: 'acme/recipes, acme/unseen' } }),
  });
  first = await scene.begin();
  await scene.planned(first.run);
}, 90_000);

afterAll(() => scene.close());

async function newIssue(): Promise<number> {
  return (await scene.robin.octokit.rest.issues.create({ ...HERE, title: 'Again' })).data.number;
}

/** Asks, and gives the reply without its mark. */
async function ask(issue: number, text: string): Promise<string> {
  const reply = await scene.reply(issue, await scene.robin.say(issue, text));
  return reply.replace(/\s*<!-- converge [\s\S]*$/u, '');
}

async function startOn(issue: number, text: string): Promise<Begun> {
  const comment = await scene.robin.say(issue, text);
  return { issue, comment, run: scene.runOf(comment) };
}

/** As the button does where a fast-forward is possible. */
async function merge(branch: string): Promise<void> {
  await scene.git('update-ref', 'refs/heads/main', await scene.git('rev-parse', branch));
}

async function pulls(head: string) {
  const { data } = await scene.robin.octokit.rest.pulls.list({ ...HERE, state: 'all', head: `acme:${head}` });
  return data;
}

describe('save and run', () => {
  it('saves the script with its draft as a small pull request, once', { timeout: 90_000 }, async () => {
    expect(await ask(await newIssue(), '/workflow save tests')).toContain('There is no run here whose script could be saved');
    const reply = await ask(first.issue, '/workflow save tests');
    expect(reply).toMatch(
      /^Saved as `\.github\/converge\/tests\.js` in pull request #\d+\. Once it is merged, `\/workflow run tests \[args\]` plans with it\./u,
    );
    const branch = `converge-save/${first.run}-tests`;
    const made = await pulls(branch);
    expect(made).toMatchObject([{ title: 'Save the workflow script tests', draft: false, base: { ref: 'main' } }]);
    expect(await scene.git('diff', '--name-only', 'main', branch)).toBe('.github/converge/tests.js');
    const text = await scene.git('show', `${branch}:.github/converge/tests.js`);
    expect(text).toMatch(/^export const meta = /u);
    expect(text).toContain('/* converge-draft: ');
    expect(text).not.toContain('budget');
    expect(await ask(first.issue, '/workflow save tests')).toBe(reply);
    expect(await pulls(branch)).toHaveLength(1);
    expect(await scene.git('rev-list', '--count', `main..${branch}`)).toBe('1');
    const ours = await scene.git('rev-parse', branch);
    const theirs = await scene.push(branch, { '.github/converge/tests.js': `${text}// mended by hand\n` });
    expect(await ask(first.issue, '/workflow save tests')).toContain('writes over nobody');
    expect(await scene.git('rev-parse', branch)).toBe(theirs);
    await scene.git('update-ref', `refs/heads/${branch}`, ours);
    await merge(branch);
    expect(await ask(first.issue, '/workflow save tests')).toContain('is this very script already');
    await ask(first.issue, '/workflow stop');
    await scene.ended(first.run);
  });

  it('runs it on today’s base: no planner is paid, a fresh approval is needed, and it completes', { timeout: 120_000 }, async () => {
    await scene.push('main', { 'src/later.js': 'export const later = 1;\n' });
    const before = scene.claude.counts.snapshot().byModel[PLANNER] ?? 0;
    const again = await startOn(await newIssue(), '/workflow run tests {"why": "again"}');
    const { planHash } = await scene.planned(again.run);
    expect(scene.claude.counts.snapshot().byModel[PLANNER] ?? 0).toBe(before);
    const shown = scene.ours(again.issue).find((body) => body.startsWith('## Plan'));
    const tip = (await scene.git('rev-parse', 'main')).slice(0, 12);
    expect(shown).toContain(`**The saved script \`tests\`** at \`${tip}\` with \`{"why":"again"}\``);
    expect(shown).toContain(`\`main\` at \`${tip}\``);
    await scene.robin.say(again.issue, `/workflow approve ${planHash.slice(0, 12)}`);
    expect((await scene.ended(again.run)).status).toBe('completed');
  });

  it('runs it on another branch, on that branch’s files, after a fresh approval', { timeout: 120_000 }, async () => {
    await scene.git('branch', 'release', 'main');
    const tip = await scene.push('release', { 'src/released.js': 'export const released = 1;\n' });
    const there = await startOn(await newIssue(), '/workflow run tests --base release');
    const { planHash } = await scene.planned(there.run);
    const shown = scene.ours(there.issue).find((body) => body.startsWith('## Plan'));
    expect(shown).toContain(`\`release\` at \`${tip.slice(0, 12)}\``);
    await scene.robin.say(there.issue, `/workflow approve ${planHash.slice(0, 12)}`);
    const { status, pullRequest } = await scene.ended(there.run);
    expect(status).toBe('completed');
    const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: pullRequest?.number ?? 0 });
    expect(data.base.ref).toBe('release');
  });

  it('without a draft a planner plans for what was said, with that script', { timeout: 90_000 }, async () => {
    const saved = await scene.git('show', 'main:.github/converge/tests.js');
    const script = `${saved.slice(0, saved.indexOf('/* converge-draft'))}// by hand\n`;
    await scene.push('main', { '.github/converge/bare.js': script });
    const begun = await startOn(await newIssue(), `/workflow run bare --plan-only ${TASK.replace('/workflow migrate ', '')}`);
    expect((await scene.ended(begun.run)).why).toContain('Planned only');
    const shown = scene.ours(begun.issue).find((body) => body.startsWith('## Plan'));
    expect(shown).toContain('**The saved script `bare`**');
    expect(shown).toContain('// by hand');
  });
});

/** What the run's scripts logged, oldest first. */
function logged(run: string): readonly string[] {
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    const rows = journal
      .prepare("SELECT body ->> 'text' AS text FROM event WHERE scope = ? AND body ->> 'type' = 'log' ORDER BY id")
      .all(run);
    return rows.map((row) => z.object({ text: z.string() }).parse(row).text);
  } finally {
    journal.close();
  }
}

describe('a script that asks a person, runs a check and calls another', () => {
  it('E1: waits across a restart, and runs what was pinned when the plan was approved', { timeout: 150_000 }, async () => {
    const saved = await scene.git('show', 'main:.github/converge/tests.js');
    const draft = saved.slice(saved.indexOf('/* converge-draft'));
    const script = [
      "export const meta = { name: 'asks', description: 'Asks, then migrates' };",
      "const answer = await approval('Shall the tests be migrated?');",
      "if (!answer.approved) throw new Error('not wanted');",
      "const change = await migrate(shards.find(({ after }) => after.length === 0), { label: 'trial' });",
      "const { ok, exitCode, output } = await check('test', change);",
      'log(`test: ${ok}, ${exitCode}, ${/# lib.bdd: .*/.exec(output)}`);',
      // A name that stands there as text is refused with the plan already.
      "log(await check(['deploy'].join(''), change).catch(({ message }) => message));",
      "return await workflow('tests', JSON.stringify({ reviewers: args.reviewers }));",
    ].join('\n');
    await scene.push('main', { '.github/converge/asks.js': `${script}\n\n${draft}` });
    const begun = await startOn(await newIssue(), '/workflow run asks');
    const { planHash } = await scene.planned(begun.run);
    const shown = scene.ours(begun.issue).find((body) => body.startsWith('## Plan'));
    expect(shown).toMatch(/Saved script tests at [0-9a-f]{12}, which it calls/u);
    // What the branch says later is another script.
    await scene.push('main', { '.github/converge/tests.js': 'broken(\n' });
    await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
    const gateOf = (): string | undefined =>
      scene
        .ours(begun.issue)
        .map((body) => /The script asks:\*\* Shall the tests be migrated\?[\s\S]*?approve ([0-9a-f]{8})`/u.exec(body)?.[1])
        .find((gate) => gate !== undefined);
    const gate = await scene.until('the question', gateOf);
    await scene.kill();
    await scene.restart();
    expect(gateOf()).toBe(gate);
    await scene.robin.say(begun.issue, `/workflow approve ${gate}`);
    const facts = await scene.ended(begun.run);
    expect(facts).toMatchObject({ status: 'completed', agents: { failed: 0 } });
    const [checked, refused] = logged(begun.run);
    expect(checked).toMatch(/^test: true, 0, # lib\/bdd: [1-9]\d* files, [1-9]\d* passed, 0 failed$/u);
    expect(refused).toContain('the approved plan has no check `deploy`');
    await scene.push('main', { '.github/converge/tests.js': saved });
  });

  it('is not planned when it calls what is not there', { timeout: 60_000 }, async () => {
    const saved = await scene.git('show', 'main:.github/converge/tests.js');
    const script = "export const meta = { name: 'lost', description: 'x' };\nreturn await workflow('nowhere');\n";
    await scene.push('main', { '.github/converge/lost.js': `${script}\n${saved.slice(saved.indexOf('/* converge-draft'))}` });
    const begun = await startOn(await newIssue(), '/workflow run lost');
    const { status, why } = await scene.ended(begun.run);
    expect(status).toBe('failed');
    expect(why).toContain('The draft saved with `lost` cannot be carried out on main at');
    expect(why).toContain(
      "The script calls workflow('nowhere'). Found no `.github/converge/nowhere.js` on `main` of acme/tally. There are: `asks`, `bare`",
    );
  });
});

describe('scripts of another repository', () => {
  /** A repository of the operator's recipes, on which the App is installed; gives its directory. */
  async function recipes(files: Readonly<Record<string, string>>): Promise<string> {
    const from = await mkdtemp(join(scene.scratch, 'recipes-'));
    await writeFiles(from, files);
    const { directory } = await scene.hub.createRepository({ owner: 'acme', name: 'recipes', from, ci: false });
    scene.hub.install(scene.world.appId, 'acme/recipes');
    return directory;
  }

  it(
    'that the operator allows are run and called, as they were when the plan was made, which tells their commit',
    { timeout: 150_000 },
    async () => {
      const saved = await scene.git('show', 'main:.github/converge/tests.js');
      const script = "export const meta = { name: 'calls', description: 'Calls' };\nreturn await workflow('acme/recipes:tests');\n";
      await scene.push('main', { '.github/converge/calls.js': `${script}\n${saved.slice(saved.indexOf('/* converge-draft'))}` });
      const directory = await recipes({ '.github/converge/tests.js': saved });
      const tip = (await git(directory, ['rev-parse', 'main'])).slice(0, 12);

      const run = await startOn(await newIssue(), '/workflow run Acme/recipes:tests');
      await scene.planned(run.run);
      const shown = scene.ours(run.issue).find((body) => body.startsWith('## Plan'));
      expect(shown).toContain(`**The saved script \`Acme/recipes:tests\`** at \`${tip}\`: `);
      await ask(run.issue, '/workflow stop');
      await scene.ended(run.run);

      const calls = await startOn(await newIssue(), '/workflow run calls');
      const { planHash } = await scene.planned(calls.run);
      const plan = scene.ours(calls.issue).find((body) => body.startsWith('## Plan'));
      expect(plan).toContain(`Saved script acme/recipes:tests at ${tip}, which it calls`);
      // What was approved is in the plan, whatever becomes of where it was read.
      await git(directory, ['update-ref', '-d', 'refs/heads/main']);
      await scene.robin.say(calls.issue, `/workflow approve ${planHash.slice(0, 12)}`);
      expect((await scene.ended(calls.run)).status).toBe('completed');
      expect(await ask(await newIssue(), '/workflow run acme/recipes:tests')).toBe(
        `Found no \`.github/converge/tests.js\` on \`main\` of acme/recipes. There is no saved script yet; \`/workflow save <name>\` makes one of a run. ${NOTHING}`,
      );
    },
  );

  it('that the operator does not allow are not called either: the plan is not made, with the reason', { timeout: 60_000 }, async () => {
    const saved = await scene.git('show', 'main:.github/converge/tests.js');
    const script = "export const meta = { name: 'far', description: 'x' };\nreturn await workflow('acme/others:x');\n";
    await scene.push('main', { '.github/converge/far.js': `${script}\n${saved.slice(saved.indexOf('/* converge-draft'))}` });
    const begun = await startOn(await newIssue(), '/workflow run far');
    const { status, why } = await scene.ended(begun.run);
    expect(status).toBe('failed');
    expect(why).toContain(
      "The script calls workflow('acme/others:x'). Scripts of `acme/others` may not be run here: the operator of this Converge adds the repository to `SCRIPT_REPOSITORIES`.",
    );
  });

  it('that the operator allows and the App does not see: what could not be read', async () => {
    const reply = await ask(await newIssue(), '/workflow run acme/unseen:x');
    expect(reply).toMatch(
      /^`acme\/unseen` cannot be read: .* The App of this repository's installation must see it\. Nothing was started\.$/u,
    );
  });
});

describe('what cannot run', () => {
  it('a name that is none: what there is', async () => {
    expect(await ask(await newIssue(), '/workflow run test')).toBe(
      `Found no \`.github/converge/test.js\` on \`main\` of acme/tally. There are: \`asks\`, \`bare\`, \`calls\`, \`far\`, \`lost\`, \`tests\`. ${NOTHING}`,
    );
  });

  it('another repository that the operator does not allow', async () => {
    expect(await ask(await newIssue(), '/workflow run acme/others:x')).toBe(
      `Scripts of \`acme/others\` may not be run here: the operator of this Converge adds the repository to \`SCRIPT_REPOSITORIES\`. ${NOTHING}`,
    );
  });

  it('a script that does not parse, and a draft that is none: line and column, or the field', async () => {
    const meta = "export const meta = { name: 'x', description: 'x' };\n";
    await scene.push('main', {
      '.github/converge/broken.js': `${meta}const a = ;\n`,
      '.github/converge/drafty.js': `${meta}return 1;\n/* converge-draft\n{"title": "T"}\n*/\n`,
    });
    expect(await ask(await newIssue(), '/workflow run broken')).toContain(
      'The saved script `broken` cannot run: broken.js:2:11: Unexpected token',
    );
    const reply = await ask(await newIssue(), '/workflow run drafty');
    expect(reply).toContain('The draft at the end of the saved script `drafty` is not one of a plan (`intent`: ');
    expect(reply).toContain('then a planner drafts anew');
  });

  it('people without write access', async () => {
    const issue = await newIssue();
    expect(await scene.reply(issue, await scene.casey.say(issue, '/workflow run tests'))).toContain('expected write access');
  });
});
