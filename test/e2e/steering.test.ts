import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { MessagesRequest } from '../../src/local/claude/request.ts';
import { HERE, newPerson } from './github.ts';
import { type Begun, type Scene, type SceneOptions, withScene } from './support.ts';

/* A run under way obeys people: it waits when told, hears what is said to it, and is undone. */

const SMALL: SceneOptions = { tests: ['text'], ci: false, latencyMs: 20 };

/** Begins, and approves the plan. */
async function underWay(scene: Scene, command?: string): Promise<Begun & { readonly planHash: string }> {
  const begun = await scene.begin(command);
  const { planHash } = await scene.planned(begun.run);
  await scene.robin.say(begun.issue, `/workflow approve ${planHash.slice(0, 12)}`);
  return { ...begun, planHash };
}

async function ask(scene: Scene, number: number, text: string): Promise<string> {
  return scene.reply(number, await scene.robin.say(number, text));
}

async function agentsAtWork(scene: Scene, run: string): Promise<void> {
  await scene.until('agents at work', async () => ((await scene.facts(run))?.agents.running ?? 0) > 0);
}

/** Responses that are on disk. */
function stored(scene: Scene): number {
  const journal = new DatabaseSync(join(scene.dataDirectory, 'journal.sqlite'), { readOnly: true });
  try {
    return z.object({ n: z.number() }).parse(journal.prepare("SELECT count(*) AS n FROM checkpoint WHERE part = 'response'").get()).n;
  } finally {
    journal.close();
  }
}

describe('pause and resume', () => {
  it('waits until somebody says go on, over a SIGKILL too, and pays nothing twice', { timeout: 180_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await underWay(scene);
      await agentsAtWork(scene, run);
      expect(await ask(scene, issue, '/workflow pause')).toMatch(/^Pausing\. No agent begins a new turn; .* It has cost \$\d/u);
      expect((await scene.paused(run)).why).toContain('Paused by @robin');
      await scene.until('the status comment to say it', () => scene.ours(issue)[0]?.includes('Paused by'));
      // What was under way was finished and kept.
      const { requests, answered } = scene.claude.counts.snapshot();
      expect(answered).toBe(requests);
      expect(stored(scene)).toBe(answered);

      await scene.kill();
      await scene.restart();
      // Its reply comes after the restarted App has looked at the run.
      expect(await ask(scene, issue, '/workflow status')).toContain('Paused by');
      expect(await ask(scene, issue, '/workflow pause')).toContain('It is paused already, by robin');
      expect((await scene.facts(run))?.status).toBe('paused');
      expect(scene.claude.counts.snapshot().requests).toBe(requests);

      expect(await ask(scene, issue, '/workflow resume')).toContain('Going on where it was');
      expect((await scene.ended(run)).status).toBe('completed');
      const after = scene.claude.counts.snapshot();
      expect(after.requests).toBeGreaterThan(requests);
      expect(after).toMatchObject({ repeated: 0, answered: stored(scene) });
      expect(await ask(scene, issue, '/workflow resume')).toContain('There is no unfinished run here');
    });
  });

  it('waits while it waits for approval, and can be stopped then', { timeout: 120_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await scene.begin();
      const { planHash } = await scene.planned(run);
      expect(await ask(scene, issue, '/workflow resume')).toContain('It is not paused');
      await scene.robin.say(issue, '/workflow pause');
      await scene.paused(run);
      // Two in quick succession keep their order: approved while it is held, it goes on with the approval.
      await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
      await scene.robin.say(issue, '/workflow resume');
      await agentsAtWork(scene, run);
      await scene.robin.say(issue, '/workflow pause');
      await scene.paused(run);
      expect(await ask(scene, issue, '/workflow stop')).toContain('Stopped.');
      expect((await scene.ended(run)).why).toContain('Stopped by robin');
    });
  });

  it('is nothing that a person without write access says', { timeout: 120_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await scene.begin();
      await scene.planned(run);
      // Each by somebody else, since nobody is told twice.
      for (const [at, command] of ['pause', 'resume', 'steer faster', 'undo'].entries()) {
        const reader = newPerson(scene.hub, { login: `reader-${at}`, role: 'read' });
        expect(await scene.reply(issue, await reader.say(issue, `/workflow ${command}`))).toContain('expected write access');
      }
      expect((await scene.facts(run))?.status).toBe('active');
    });
  });
});

/** Models that take the system's word within a conversation. */
const KNOWN_MODELS = `
models:
  migrator: claude-opus-4-8
  reviser: claude-opus-4-8
  verifier: claude-opus-4-8
`;
const CONFIGURATION = `enabled: true
checks:
  - name: test
    run: npm test
    when: shard
paths:
  protected:
    - src/**
    - lib/**
`;
const STEER = 'Keep the names of all tests as they are.';

/** Holds the first answer after the approval until it is let go. */
function gate(): { readonly onRequest: (request: MessagesRequest) => Promise<void>; open(): void; close(): void; held(): boolean } {
  const seen = { closed: false, held: false };
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    onRequest: async () => {
      if (!seen.closed) return;
      seen.held = true;
      await promise;
    },
    close: () => void (seen.closed = true),
    open: () => {
      seen.closed = false;
      resolve();
    },
    held: () => seen.held,
  };
}

function times({ messages }: MessagesRequest): number {
  return JSON.stringify(messages).split(STEER).length - 1;
}

/** What is sent, without the breakpoints, which move from turn to turn. */
function bare(request: MessagesRequest): readonly string[] {
  return request.messages.map((message) => JSON.stringify(message, (key, value: unknown) => (key === 'cache_control' ? undefined : value)));
}

/** A run in which agents at work are told something; gives what was sent to the model after the plan, in order. */
async function steered(
  configuration: string,
): Promise<{ readonly requests: readonly MessagesRequest[]; readonly body: string; readonly log: string }> {
  const requests: MessagesRequest[] = [];
  const door = gate();
  const onRequest = async (request: MessagesRequest): Promise<void> => {
    requests.push(request);
    await door.onRequest(request);
  };
  return withScene({ ...SMALL, latencyMs: 0, files: { '.github/converge.yml': configuration }, onRequest }, async (scene) => {
    const { issue, run } = await scene.begin();
    const { planHash, pullRequest } = await scene.planned(run);
    expect(await ask(scene, issue, `/workflow steer ${STEER}`)).toContain('is not approved yet');
    requests.length = 0;
    door.close();
    await scene.robin.say(issue, `/workflow approve ${planHash.slice(0, 12)}`);
    await scene.until('an agent at work', () => door.held());
    const told = await ask(scene, issue, `/workflow steer ${STEER}`);
    expect(told).toMatch(/^Noted\. .* at work hears it before its next request to the model, every later one at its beginning\./u);
    await scene.until('the status comment to say it', () => scene.ours(issue)[0]?.includes(`told every agent: “${STEER}”`));
    door.open();
    expect((await scene.ended(run)).status).toBe('completed');
    const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: pullRequest?.number ?? 0 });
    return { requests, body: data.body ?? '', log: scene.log.join('\n') };
  });
}

describe('steer', () => {
  it(
    'reaches agents at work and all later ones, once each, as the system’s word; what was sent before stays',
    { timeout: 180_000 },
    async () => {
      const { requests, body } = await steered(CONFIGURATION + KNOWN_MODELS);
      const [first] = requests;
      if (first === undefined) throw new Error('no request was seen');
      expect(times(first)).toBe(0);
      // Those that were asked before it was said have none; every other has it once, and from the system.
      const told = requests.filter((request) => times(request) > 0);
      expect(told.map(times)).toEqual(told.map(() => 1));
      for (const { messages } of told)
        expect(messages.filter((message) => JSON.stringify(message).includes(STEER)).map(({ role }) => role)).toEqual(['system']);
      const later = requests.filter((request) => bare(request)[0] === bare(first)[0] && request.messages.length > 1);
      expect(later.length).toBeGreaterThan(0);
      for (const request of later) {
        expect(times(request)).toBe(1);
        expect(bare(request)[0]).toBe(bare(first)[0]);
        expect(request.system).toEqual(first.system);
        expect(request.messages.slice(0, 4).map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'system']);
      }
      // An agent that began later heard it after its brief.
      expect(told.some(({ messages }) => messages.length === 2 && messages[1]?.role === 'system')).toBe(true);
      // Each request begins with the one before it in its conversation.
      const conversations = Map.groupBy(requests, (request) => JSON.stringify([request.system, bare(request)[0]]));
      const pairs = [...conversations.values()].flatMap((own) => own.slice(1).map((request, at) => ({ request, before: own[at] })));
      expect(pairs.length).toBeGreaterThan(0);
      for (const { request, before } of pairs)
        if (before !== undefined) expect(bare(request).slice(0, before.messages.length)).toEqual(bare(before));
      expect(body).toContain('### Changed after the approval');
      expect(body).toContain(STEER);
    },
  );

  it('is text for models that take no system’s word, which is tried once and told in the log', { timeout: 180_000 }, async () => {
    const { requests, log } = await steered(CONFIGURATION);
    const told = requests.filter((request) => times(request) > 0);
    expect(told.length).toBeGreaterThan(0);
    expect(told.map(times)).toEqual(told.map(() => 1));
    expect(told.flatMap(({ messages }) => messages.map(({ role }) => role))).not.toContain('system');
    // One line for each model.
    const lines = log.split('\n').filter((line) => line.includes('takes no system message within a conversation'));
    expect(new Set(lines.map((line) => /"model":"([^"]+)"/u.exec(line)?.[1])).size).toBe(lines.length);
    expect(lines.length).toBeGreaterThan(0);
  });
});

describe('undo', () => {
  it('closes, deletes and tells; killed in the middle it ends the same', { timeout: 180_000 }, async () => {
    await withScene(
      { tests: ['text'], ci: false, files: { '.github/converge.yml': `${CONFIGURATION}publish_shards: true\n` } },
      async (scene) => {
        const { issue, run, facts } = await scene.through();
        const number = facts.pullRequest?.number ?? 0;
        const branches = (await scene.git('branch', '--format=%(refname:short)')).split('\n').filter((name) => name.includes(run));
        expect(branches.length).toBeGreaterThan(1);
        const asked = await scene.robin.say(issue, '/workflow undo');
        await scene.until('the undo to be under way', async () => (await scene.facts(run))?.stage.includes('Undone'));
        await scene.kill();
        await scene.restart();
        await scene.redeliverFailed();
        const reply = await scene.reply(issue, asked);
        expect(reply).toContain(`Pull request #${number} is closed.`);
        for (const branch of branches) expect(reply).toContain(`\`${branch}\``);
        expect((await scene.git('branch', '--format=%(refname:short)')).split('\n').filter((name) => name.includes(run))).toEqual([]);
        const { data } = await scene.robin.octokit.rest.pulls.get({ ...HERE, pull_number: number });
        expect(data.state).toBe('closed');
        expect(scene.ours(number).filter((body) => body.includes('is undone, as robin asked'))).toHaveLength(1);
        expect(scene.ours(issue).filter((body) => body.includes('is undone, as robin asked'))).toHaveLength(1);
        await scene.until('the status comment to say it', () => scene.ours(issue)[0]?.startsWith('### ↩️ Undone'));
        expect(await ask(scene, issue, '/workflow retry')).toContain('was undone');
      },
    );
  });

  it('stops a run that is at work, and leaves a branch with a person’s commits', { timeout: 180_000 }, async () => {
    await withScene(SMALL, async (scene) => {
      const { issue, run } = await underWay(scene);
      await agentsAtWork(scene, run);
      const mine = await scene.push(`converge/${run}`, { 'notes.txt': 'mine\n' });
      const reply = await ask(scene, issue, '/workflow undo');
      expect(reply).toContain(`\`converge/${run}\` stays, because it holds commits of robin`);
      expect(reply).toContain('No branch was deleted.');
      expect(await scene.git('rev-parse', `converge/${run}`)).toBe(mine);
      expect((await scene.facts(run))?.status).toBe('stopped');
    });
  });
});
