import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { simpleGit } from 'simple-git';
import { inheritedEnvironment, realModel } from '../config.ts';
import { runBranch } from '../domain/branch.ts';
import { parseComment } from '../domain/command.ts';
import { messageOf } from '../domain/errors.ts';
import { copyRepository, type Copy } from './copy.ts';
import { closing, resultOf } from './result.ts';
import { openScene, type RunFacts, type Scene } from './scene.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { watchRun } from './watch-run.ts';

const USAGE = `usage: npm run try -- <path to a git repository> "/workflow migrate <task> [flags]" [--yes] [--fetch] [--unconfined]

  Works on a copy; nothing in the repository changes by itself. Needs ANTHROPIC_API_KEY.
  --yes         approves the plan without asking
  --fetch       fetches the result's branch into the repository without asking
  --unconfined  runs the repository's commands without a sandbox where this machine has none`;

interface Asked {
  readonly path: string;
  readonly command: string;
  readonly yes: boolean;
  readonly fetch: boolean;
  readonly unconfined: boolean;
}

/** A migration of one's own code, with the real Claude, on a copy: gives the exit code. */
export async function tryOn(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  const model = realModel();
  if (typeof asked === 'string' || model === null) {
    console.error(
      typeof asked === 'string'
        ? asked
        : 'Found no ANTHROPIC_API_KEY, expected one: a try is made with the real Claude. `npm run demo` needs none.',
    );
    return 2;
  }
  const terminal = openTerminal(process.stdout);
  const directory = await mkdtemp(join(tmpdir(), 'converge-try-'));
  let scene: Scene | null = null;
  let keep = false;
  try {
    const copy = await copyRepository(asked.path, directory);
    scene = await openScene({
      directory,
      from: copy.directory,
      owner: 'local',
      name: repositoryName(asked.path),
      person: 'you',
      defaultBranch: copy.defaultBranch,
      model,
      mayBeUnconfined: asked.unconfined,
      latencyMs: 0,
      budget: 50,
      readOnly: copy.readOnly,
      ci: false,
      onLine: logTo(directory),
    });
    const { facts, run } = await play({ scene, terminal, asked, copy });
    keep =
      facts.pullRequest !== null && facts.status !== 'completed' && facts.status !== 'partial'
        ? false
        : !(await offerBranch({ scene, asked, run, facts }));
    return facts.status === 'completed' || facts.status === 'partial' ? 0 : 1;
  } catch (error) {
    terminal.settle();
    keep = true;
    terminal.say(`\nThe try did not get to its end: ${messageOf(error)}\nIts logs are in ${directory}.`);
    return 1;
  } finally {
    await scene?.close();
    if (!keep) await rm(directory, { recursive: true, force: true });
  }
}

function readArguments(args: readonly string[]): Asked | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { yes: { type: 'boolean' }, fetch: { type: 'boolean' }, unconfined: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    const [path, command, ...more] = positionals;
    if (values.help === true || path === undefined || command === undefined || more.length > 0) return USAGE;
    const parsed = parseComment(command);
    if (parsed.kind === 'none')
      return `Found no command in ${JSON.stringify(command)}, expected it to begin with \`/workflow migrate\`.\n\n${USAGE}`;
    if (parsed.kind === 'malformed') return `${parsed.problem}\n\n  ${parsed.form}`;
    if (parsed.command.name !== 'migrate') return `Found \`${parsed.command.name}\`, expected \`migrate\`: a try is one migration.`;
    return { path: resolve(path), command, yes: values.yes ?? false, fetch: values.fetch ?? false, unconfined: values.unconfined ?? false };
  } catch (error) {
    return `${messageOf(error)}\n\n${USAGE}`;
  }
}

function repositoryName(path: string): string {
  return basename(path).replaceAll(/[^\w.-]+/gu, '-') || 'repository';
}

function logTo(directory: string): (name: string, line: string) => void {
  const log = createWriteStream(join(directory, 'try.log'));
  return (name, line) => log.write(`${name} ${line}\n`);
}

interface Trying {
  readonly scene: Scene;
  readonly terminal: Terminal;
  readonly asked: Asked;
  readonly copy: Copy;
}

async function play({ scene, terminal, asked, copy }: Trying): Promise<{ readonly facts: RunFacts; readonly run: string }> {
  if (copy.uncommitted.length > 0)
    terminal.say(`  ${copy.uncommitted.length} uncommitted files are not in the copy: ${copy.uncommitted.slice(0, 5).join(', ')}`);
  terminal.say(`  A copy of ${asked.path} at ${copy.base}, on a GitHub of this machine: ${scene.world.url}`);
  if (scene.unconfined !== '') terminal.say(`  Commands would run without a sandbox: ${scene.unconfined}`);
  const issue = await scene.person.openIssue('A try', `On a copy of ${basename(asked.path)}.`);
  const { id } = await scene.person.comment(issue.number, withBase(asked.command, copy.base));
  const run = scene.runOf(id);
  const facts = await watchRun({
    scene,
    run,
    terminal,
    onPlan: (waiting) => decide({ scene, terminal, asked, copy }, issue.number, waiting),
  });
  terminal.settle();
  terminal.say(closing(facts, await resultOf(scene, facts)));
  if (facts.pullRequest !== null) terminal.say(`\n${(await scene.person.pullRequest(facts.pullRequest.number)).body}`);
  return { facts, run };
}

/** The configuration's branch is the default one of the copy; the migration starts from the branch that was checked out. */
function withBase(command: string, base: string): string {
  const [first = '', ...rest] = command.split('\n');
  return /(?:^|\s)--base[\s=]/u.test(first) ? command : [`${first} --base ${base}`, ...rest].join('\n');
}

async function decide({ scene, terminal, asked }: Trying, issue: number, { planHash }: RunFacts): Promise<void> {
  const comments = await scene.person.comments(issue);
  terminal.settle();
  for (const { body } of comments.filter((comment) => comment.body.startsWith('## Plan'))) terminal.say(`\n${body}`);
  const answer = asked.yes ? 'y' : await question('\nApprove this plan? [y]es, [n]o, or what should be different: ');
  if (/^y(?:es)?$/iu.test(answer)) await scene.person.comment(issue, `/workflow approve ${(planHash ?? '').slice(0, 12)}`);
  else if (answer === '' || /^no?$/iu.test(answer)) await scene.person.comment(issue, '/workflow stop');
  else await scene.person.comment(issue, `/workflow revise ${answer}`);
}

/** True when the branch is in the repository, or there is none to fetch. */
async function offerBranch({ scene, asked, run, facts }: { scene: Scene; asked: Asked; run: string; facts: RunFacts }): Promise<boolean> {
  if (facts.pullRequest === null || facts.shards.accepted.length === 0) return true;
  const branch = runBranch(run);
  const wanted =
    asked.fetch ||
    (process.stdin.isTTY && /^y/iu.test(await question(`\nFetch the result into ${asked.path} as the branch ${branch}? [y/N] `)));
  if (!wanted) {
    console.log(
      `\nNot fetched. The result stays here until you do:\n  git -C ${asked.path} fetch ${scene.world.directory} ${branch}:${branch}`,
    );
    return false;
  }
  await simpleGit(asked.path)
    .env({ ...inheritedEnvironment(), LC_ALL: 'C' })
    .fetch(scene.world.directory, `${branch}:${branch}`);
  console.log(`\nFetched: git -C ${asked.path} log ${branch}`);
  return true;
}

async function question(text: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await lines.question(text)).trim();
  } finally {
    lines.close();
  }
}
