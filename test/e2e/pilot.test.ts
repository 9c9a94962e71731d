import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HERE } from './github.ts';
import { type Begun, openScene, type Scene, TASK } from './support.ts';

/* --pilot N: a few shards first, what they came to, and a person's word before the others cost anything. */

let scene: Scene;
/** The draft of a plan, to be carried out by scripts of these tests. */
let draft: string;

beforeAll(async () => {
  scene = await openScene({
    tests: ['text', 'parse', 'collections'],
    files: { 'test/text/table.test.js': null },
    ci: false,
    waits: { redriveMs: 600 },
  });
}, 60_000);

afterAll(() => scene.close());

async function newIssue(): Promise<number> {
  return (await scene.robin.octokit.rest.issues.create({ ...HERE, title: 'A pilot' })).data.number;
}

/** The pilot's report, once it is posted. */
async function reported({ issue }: Begun): Promise<{ readonly body: string; readonly gate: string }> {
  const body = await scene.until('the report of the pilot', () => scene.ours(issue).find((text) => text.startsWith('## Pilot')), 100_000);
  const gate = /\/workflow approve ([0-9a-f]{8})`/u.exec(body)?.[1];
  if (gate === undefined) throw new Error(body);
  return { body, gate };
}

async function begin(command: string): Promise<Begun & { readonly plan: string }> {
  const issue = await newIssue();
  const comment = await scene.robin.say(issue, command);
  const run = scene.runOf(comment);
  const { planHash } = await scene.planned(run);
  const plan = scene.ours(issue).find((body) => body.startsWith('## Plan')) ?? '';
  await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
  return { issue, comment, run, plan };
}

describe('the chosen shards', () => {
  it('go first; the report waits across a kill; approved, the others follow and nothing is paid twice', { timeout: 200_000 }, async () => {
    const begun = await begin(`${TASK} --pilot 1`);
    expect(begun.plan).toMatch(
      /\*\*Pilot\*\* \| 1 shard first: `test-\w+` \(the largest, [\d,]+ bytes\); the rest \(2 shards\) costs nothing until/u,
    );
    const { body, gate } = await reported(begun);
    expect(body).toMatch(/^## Pilot: 1 of 1 shard accepted\. The other 2 shards: about \$\d+\.\d\d more/u);
    expect(body).toContain('One shard was measured, so there is no spread');
    expect(body).toMatch(/\| `test-\w+` \| the largest, [\d,]+ bytes \| \d \| \$\d+\.\d\d \| .* \| \d \| ✅ accepted \|/u);
    const { requests } = scene.claude.counts.snapshot();
    await scene.kill();
    await scene.restart();
    const status = await scene.until('the status comment', () =>
      scene.ours(begun.issue).find((text) => text.startsWith('### 🖐️ The pilot is done: waiting for approval of the other shards')),
    );
    expect(status).toContain(`/workflow approve ${gate}`);
    expect(scene.claude.counts.snapshot().requests).toBe(requests);
    await scene.robin.say(begun.issue, `/workflow approve ${gate}`);
    expect(await scene.ended(begun.run)).toMatchObject({ status: 'completed' });
    expect(scene.ours(begun.issue).filter((text) => text.startsWith('## Pilot'))).toHaveLength(1);
    expect(scene.claude.counts.snapshot().repeated).toBe(0);
    const save = await scene.robin.say(begun.issue, '/workflow save all');
    await scene.reply(begun.issue, save);
    const saved = await scene.git('show', `converge-save/${begun.run}-all:.github/converge/all.js`);
    draft = saved.slice(saved.indexOf('/* converge-draft'));
  });

  it(
    'not approved: the others are left over with the reason, and what the pilot made is delivered; retry asks again',
    { timeout: 200_000 },
    async () => {
      const begun = await begin(`${TASK} --pilot 1`);
      const { gate } = await reported(begun);
      await scene.robin.say(begun.issue, `/workflow revise ${gate} the names should stay`);
      const facts = await scene.ended(begun.run);
      expect(facts.status).toBe('partial');
      expect(facts.ledger?.migrated).toBeGreaterThan(0);
      const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: facts.pullRequest?.number ?? 0 });
      expect(data.body).toContain('did not approve the pilot: the names should stay');
      await scene.robin.say(begun.issue, '/workflow retry');
      const again = await scene.until('another report of the pilot', () =>
        scene.ours(begun.issue).findLast((body) => body.startsWith('## Pilot') && !body.includes(gate)),
      );
      await scene.robin.say(begun.issue, `/workflow approve ${/\/workflow approve ([0-9a-f]{8})`/u.exec(again)?.[1] ?? again}`);
      expect(
        (
          await scene.until(
            'the other end',
            async () => {
              const now = await scene.facts(begun.run);
              return now?.status === 'completed' && now;
            },
            100_000,
          )
        ).ledger?.['left-over'] ?? 0,
      ).toBe(0);
    },
  );
});

it('a script that does not come to the chosen ones first: those it begins with stand in', { timeout: 150_000 }, async () => {
  const script = [
    "export const meta = { name: 'slow', description: 'One after the other, smallest first' };",
    'const left = [];',
    'for (const shard of shards.toSorted((a, b) => a.files.length - b.files.length)) {',
    '  const change = await migrate(shard);',
    '  const verdict = change && (await review(change));',
    "  if (verdict?.outcome === 'accepted') await accept(change, verdict);",
    '  else left.push(shard.id);',
    '}',
    'return left;',
  ].join('\n');
  await scene.push('main', { '.github/converge/slow.js': `${script}\n\n${draft}` });
  const begun = await begin('/workflow run slow --pilot 1');
  const { body } = await reported(begun);
  expect(body).toContain('in place of a chosen one: the script came to it first');
  const stop = await scene.robin.say(begun.issue, '/workflow stop');
  expect(await scene.reply(begun.issue, stop)).toMatch(/^Stopped\. Nothing was delivered\. \d accepted shards? (?:is|are) kept/u);
});
