// Plays one whole small migration against a Messages API that is answered by hand:
//   node ../shared/tools/hand-claude.mjs DIR 8787            (in another terminal)
//   node test/prompts/play.ts http://127.0.0.1:8787
// Readers who know nothing but the requests write the replies into DIR. Ends with the run's end and what the pull request says.
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTerminal } from '../../src/local/terminal.ts';
import { watchRun } from '../../src/local/watch-run.ts';
import { closing, resultOf } from '../../src/local/result.ts';
import { openPlay, TASK } from './scene.ts';

const [baseUrl = 'http://127.0.0.1:8787'] = process.argv.slice(2);
const directory = await mkdtemp(join(tmpdir(), 'converge-play-'));
const scene = await openPlay(directory, baseUrl);
const terminal = openTerminal(process.stdout);
const issue = await scene.person.openIssue('One way to format money', 'We have two ways to format money. Let us have one.');
const { id } = await scene.person.comment(issue.number, TASK);
const facts = await watchRun({
  scene,
  run: scene.runOf(id),
  terminal,
  onPlan: async ({ planHash }) => {
    for (const { body } of await scene.person.comments(issue.number)) terminal.say(body);
    await scene.person.comment(issue.number, `/workflow approve ${(planHash ?? '').slice(0, 12)}`);
  },
});
terminal.settle();
terminal.say(closing(facts, await resultOf(scene, facts)));
if (facts.pullRequest !== null) terminal.say((await scene.person.pullRequest(facts.pullRequest.number)).body);
await scene.close();
process.exit(0);
