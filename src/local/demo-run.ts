import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { count } from '../domain/amounts.ts';
import { realModel } from '../config.ts';
import { messageOf } from '../domain/errors.ts';
import { closing, resultOf } from './result.ts';
import { openScene, type Scene, type SceneOptions } from './scene.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { watchRun } from './watch-run.ts';

const FIXTURE = fileURLToPath(new URL('../../fixtures/repositories/assert-to-node-test', import.meta.url));
const TASK = '/workflow migrate the tests from our own lib/bdd.js to node:test and node:assert/strict';
const USAGE = `usage: npm run demo -- [--real] [--budget DOLLARS] [--keep] [--json FILE]

  --real     with the real Claude, which needs ANTHROPIC_API_KEY and costs money; the scripted one plays otherwise
  --budget   most that the run may cost (5 with --real)
  --keep     leaves everything running, to look around in the browser; ends with Ctrl-C
  --json     writes what came out to a file`;

interface Asked {
  readonly real: boolean;
  readonly budget: number;
  readonly keep: boolean;
  readonly json: string | undefined;
}

/** The main job on one machine, with nothing else installed: gives the exit code. */
export async function demo(args: readonly string[]): Promise<number> {
  const asked = readArguments(args);
  if (typeof asked === 'string') {
    console.error(asked);
    return 2;
  }
  const terminal = openTerminal(process.stdout);
  const directory = await mkdtemp(join(tmpdir(), 'converge-demo-'));
  const ended = Promise.withResolvers<'interrupted'>();
  process.once('SIGINT', () => ended.resolve('interrupted'));
  let scene: Scene | null = null;
  try {
    scene = await openScene(sceneOptions(asked, directory));
    const told = await Promise.race([play(scene, terminal, asked), ended.promise]);
    if (told === 'interrupted') return 130;
    if (asked.keep) {
      terminal.say(
        `\n  Everything is left running. Look around: ${scene.world.url}/acme/tally\n  The run's own page is linked at the end of its status comment. Logs and data: ${directory}\n  Ctrl-C ends it.`,
      );
      await ended.promise;
    }
    return told;
  } catch (error) {
    terminal.settle();
    terminal.say(`\nThe demo did not get to its end: ${messageOf(error)}\nIts logs are in ${directory}.`);
    return 1;
  } finally {
    await scene?.close();
    if (scene !== null) await rm(directory, { recursive: true, force: true });
  }
}

function readArguments(args: readonly string[]): Asked | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        real: { type: 'boolean' },
        budget: { type: 'string' },
        keep: { type: 'boolean' },
        json: { type: 'string' },
        help: { type: 'boolean' },
      },
    });
    if (values.help === true) return USAGE;
    const budget = Number(values.budget ?? (values.real === true ? 5 : 20));
    if (!(budget > 0)) return `Found --budget ${values.budget ?? ''}, expected dollars above zero.\n\n${USAGE}`;
    if (values.real === true && realModel() === null)
      return 'Found no ANTHROPIC_API_KEY, expected one for --real. Without --real, the scripted Claude plays and no key is needed.';
    return { real: values.real ?? false, budget, keep: values.keep ?? false, json: values.json };
  } catch (error) {
    return `${messageOf(error)}\n\n${USAGE}`;
  }
}

function sceneOptions(asked: Asked, directory: string): SceneOptions {
  const logs = new Map((['github', 'claude', 'app'] as const).map((name) => [name, createWriteStream(join(directory, `${name}.log`))]));
  return {
    directory,
    from: FIXTURE,
    owner: 'acme',
    name: 'tally',
    person: 'robin',
    model: asked.real ? realModel() : null,
    mayBeUnconfined: true,
    latencyMs: 120,
    budget: asked.budget,
    ci: true,
    onLine: (name, line) => logs.get(name)?.write(`${line}\n`),
  };
}

async function play(scene: Scene, terminal: Terminal, asked: Asked): Promise<number> {
  terminal.say(`\n  A GitHub on this machine: ${scene.world.url}/acme/tally`);
  terminal.say(
    asked.real
      ? `  The real Claude, at most $${asked.budget}.`
      : '  A scripted Claude: deterministic, no key, no cost (its dollars are what the tokens would cost).',
  );
  if (scene.unconfined !== '') terminal.say(`  Commands of the repository run without a sandbox, since it is our own: ${scene.unconfined}`);
  const issue = await scene.person.openIssue(
    'Move the tests to node:test',
    'Our own test library `lib/bdd.js` has done its duty. Node has `node:test` and `node:assert/strict` now.',
  );
  const { id } = await scene.person.comment(issue.number, TASK);
  terminal.say(`\n  robin on ${issue.url}:\n    ${TASK}`);
  const facts = await watchRun({
    scene,
    run: scene.runOf(id),
    terminal,
    onPlan: async ({ planHash, inventory, shards }) => {
      const approval = `/workflow approve ${(planHash ?? '').slice(0, 12)}`;
      terminal.say(
        `\n  The plan is on the issue: ${count(inventory ?? 0, 'file')} in ${count(shards.all ?? 0, 'shard')}. robin read it and wrote:\n    ${approval}`,
      );
      await scene.person.comment(issue.number, approval);
    },
  });
  terminal.settle();
  const result = await resultOf(scene, facts);
  terminal.say(closing(facts, result));
  if (asked.json !== undefined) await writeFile(asked.json, `${JSON.stringify(result, null, 2)}\n`);
  return facts.status === 'completed' || facts.status === 'partial' ? 0 : 1;
}
