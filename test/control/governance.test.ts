import { expect, test } from 'vitest';
import { carryOut } from '../../src/control/carry-out.ts';
import type { Desk } from '../../src/control/desk.ts';
import { toJson } from '../../src/domain/json.ts';
import { foldRun } from '../../src/domain/run-state.ts';
import { OPERATOR_DEFAULTS, underPolicy } from '../../src/domain/operator-limits.ts';
import { parseOperatorPolicy } from '../../src/domain/operator-policy.ts';
import type { CommentEvent } from '../../src/github/events.ts';
import type { Hub } from '../../src/github/hub.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { hostilePlan } from '../report/support.ts';
import { comment, openOffice, RUN, type Office } from './support.ts';

const PEOPLE = { mona: 42, wim: 7, ada: 8 } as const;

function says(id: number, login: keyof typeof PEOPLE | 'eve', body: string): CommentEvent {
  return { kind: 'comment', ...comment(id, login), author: { login, id: login === 'eve' ? 666 : PEOPLE[login] }, body };
}

interface Room extends Office {
  /** Carries the comment out; gives what was replied, and what of it is recorded. */
  readonly hear: (event: CommentEvent) => Promise<{ readonly reply: string | null; readonly recorded: unknown }>;
}

const ACCESS: Readonly<Record<string, 'admin' | 'maintain' | 'write' | 'read'>> = {
  mona: 'admin',
  wim: 'write',
  ada: 'maintain',
  eve: 'read',
};

async function room(
  changes: Partial<Desk> & { readonly approvers?: Parameters<typeof openOffice>[0]; readonly hub?: Partial<Hub> } = {},
): Promise<Room> {
  let reply: string | null = null;
  const { approvers, hub, ...desk } = changes;
  const office = await openOffice(approvers, {
    permission: (login) => Promise.resolve(ACCESS[login] ?? 'none'),
    react: () => Promise.resolve(),
    comment: (_scope, _key, { body }) => {
      reply = body;
      return Promise.resolve({ id: 1, url: '' });
    },
    ...hub,
  });
  const own = { ...office.desk, ...desk };
  return {
    ...office,
    desk: own,
    hear: async (event) => {
      reply = null;
      await carryOut(own, event);
      const scope = `comment/${event.comment}`;
      const answered = (await office.journal.events(scope)).flatMap(({ event }) => (event.type === 'command.answered' ? [event] : []));
      expect(answered).toHaveLength(1);
      return { reply, recorded: answered[0] };
    },
  };
}

function operatorWith(policy: string): Desk['operator'] {
  const parsed = parseOperatorPolicy(policy);
  if ('errors' in parsed) throw new Error(JSON.stringify(parsed.errors));
  return underPolicy(OPERATOR_DEFAULTS, parsed.policy);
}

test('every command is recorded once: who, with which access then, what, and why it was refused', async () => {
  const { hear, journal } = await room();
  const refused = await hear(says(1, 'eve', '/workflow stop'));
  expect(refused.recorded).toMatchObject({
    comment: '1',
    place: { owner: 'octo', repo: 'farm', number: 3, kind: 'issue' },
    by: { login: 'eve', id: 666 },
    permission: 'read',
    command: 'stop',
    accepted: false,
    why: expect.stringContaining('found read access'),
  });
  expect((await hear(says(2, 'wim', '/workflow pause'))).recorded).toMatchObject({
    by: { id: 7 },
    permission: 'write',
    command: 'pause',
    accepted: true,
    why: '',
  });
  await hear(says(2, 'wim', '/workflow pause'));
  expect((await hear(says(3, 'mona', '/workflow approve abcdef12'))).recorded).toMatchObject({
    command: 'approve',
    accepted: false,
    why: expect.stringContaining('no plan to approve yet'),
  });
  expect((await hear(says(4, 'wim', '/workflow dance'))).recorded).toMatchObject({ command: 'malformed', accepted: false });
  expect((await journal.signals(RUN)).map(({ name }) => name)).toEqual(['pause']);
});

test('killed between what it did and its record, with the access withdrawn meanwhile, a command is not recorded as one that did nothing', async () => {
  const access = { mona: 'write' };
  const { hear, desk, journal } = await room({ hub: { permission: () => Promise.resolve(access.mona === 'write' ? 'write' : 'none') } });
  const event = says(1, 'mona', '/workflow pause');
  const append: Journal['append'] = async (scope, events) => {
    if (events.some(({ type }) => type === 'command.answered')) throw new Error('killed');
    return journal.append(scope, events);
  };
  const killed = new Proxy<Journal>(journal, {
    get: (target, name) => {
      const verb: unknown = name === 'append' ? append : Reflect.get(target, name);
      return typeof verb === 'function' ? verb.bind(target) : verb;
    },
  });
  await expect(carryOut({ ...desk, journal: killed }, event)).rejects.toThrow('killed');
  expect((await journal.signals(RUN)).map(({ name }) => name)).toEqual(['pause']);
  access.mona = 'none';
  expect((await hear(event)).recorded).toMatchObject({
    permission: 'none',
    accepted: false,
    why: expect.stringMatching(
      /^It was allowed before, with write access, and is perhaps done, in part or whole\. Then: @mona, found no access/u,
    ),
  });
});

test('a repository that is not on the list of the operator spends nothing', async () => {
  const { hear, journal } = await room({ allowed: () => false });
  expect((await hear(says(1, 'mona', '/workflow migrate x'))).reply).toContain('Neither the account `octo` nor the repository `octo/farm`');
  expect(await journal.runs()).toEqual([RUN]);
});

test.each(['migrate x', 'run it', 'approve abcdef12', 'revise more', 'retry', 'resume', 'budget +$5', 'steer faster'])(
  'while Converge is switched off, `%s` does nothing and is answered with the reason, whose mentions are defused',
  async (command) => {
    const { hear, journal, driven } = await room({ off: () => ({ reason: 'ask @ops' }) });
    const before = await journal.events(RUN);
    const { reply, recorded } = await hear(says(1, 'mona', `/workflow ${command}`));
    expect(reply).toMatch(/^The operator has switched Converge off \(ask @\u200Bops\)\..*Nothing was done/u);
    expect(recorded).toMatchObject({ accepted: false });
    expect(await journal.events(RUN)).toEqual(before);
    expect(driven).toEqual([]);
  },
);

test('while Converge is switched off a run can be paused and stopped, and its status is told', async () => {
  const { hear, journal } = await room({ off: () => ({ reason: '' }) });
  expect((await hear(says(1, 'wim', '/workflow status'))).reply).toContain('The operator has switched Converge off.');
  expect((await hear(says(2, 'wim', '/workflow pause'))).reply).toContain('Pausing.');
  expect((await hear(says(3, 'wim', '/workflow stop'))).reply).toContain('Stopping.');
  expect((await journal.signals(RUN)).map(({ name }) => name)).toEqual(['pause', 'stop']);
});

const MEMBERS = { logins: [], permission: 'write' } as const;

test.each([
  [
    'the repository',
    { approvers: { ...MEMBERS, otherThanRequester: true } },
    "this repository's `.github/converge.yml` lets nobody approve",
  ],
  [
    'the operator, since the run began',
    { operator: operatorWith('approvers: {other_than_requester: true}') },
    'the operator of this Converge lets nobody approve',
  ],
])('requester ≠ approver, as %s says: by number, not by name, for the approval and what changes it', async (_whose, changes, why) => {
  const { hear, journal, plan } = await room(changes);
  const shown = hostilePlan();
  await plan(shown, false);
  const approval = `/workflow approve ${shown.hash.slice(0, 12)}`;
  expect((await hear(says(1, 'mona', approval))).reply).toContain(why);
  // Renamed, it is the same account; and whoever takes the old name is another.
  const renamed = { ...says(2, 'ada', approval), author: { login: 'ada', id: PEOPLE.mona } };
  expect((await hear(renamed)).reply).toContain(why);
  expect(foldRun(await journal.events(RUN)).signals).toEqual([]);
  expect((await hear(says(3, 'wim', approval))).recorded).toMatchObject({ accepted: true });
  await journal.append(RUN, [{ type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } }]);
  for (const [index, command] of ['steer faster', 'budget +$5', `drop ${shown.shards[0]?.id ?? ''}`].entries())
    expect((await hear(says(10 + index, 'mona', `/workflow ${command}`))).reply).toContain(why);
  expect(foldRun(await journal.events(RUN)).amendments).toEqual([]);
});

test('requester ≠ approver: whose words the plan was made anew of is one who asked, also under another name', async () => {
  const { hear, journal, plan } = await room({ operator: operatorWith('approvers: {other_than_requester: true}') });
  await plan(hostilePlan(), false);
  expect((await hear(says(1, 'wim', '/workflow revise do something else'))).recorded).toMatchObject({ accepted: true });
  const anew = hostilePlan({ hash: 'f'.repeat(64) });
  await journal.append(RUN, [{ type: 'step.done', step: 'plan#2', result: toJson({ kind: 'planned', plan: anew }) }]);
  const approval = `/workflow approve ${anew.hash.slice(0, 12)}`;
  expect((await hear(says(2, 'wim', approval))).reply).toContain('Found `wim`, whose words this plan was made of; expected somebody else');
  expect((await hear({ ...says(3, 'ada', approval), author: { login: 'ada', id: PEOPLE.wim } })).recorded).toMatchObject({
    accepted: false,
  });
  expect((await hear(says(4, 'mona', approval))).reply).toContain('who asked for this run');
  expect((await journal.signals(RUN)).map(({ name }) => name)).toEqual(['revise']);
  expect((await hear(says(5, 'ada', approval))).recorded).toMatchObject({ accepted: true });
});

test('without that rule who asked may approve', async () => {
  const { hear, plan } = await room();
  const shown = hostilePlan();
  await plan(shown, false);
  expect((await hear(says(1, 'mona', `/workflow approve ${shown.hash.slice(0, 12)}`))).recorded).toMatchObject({ accepted: true });
});

test('the operator asks for more access than the run was started with: it is asked for at the approval', async () => {
  const { hear, plan } = await room({ operator: operatorWith('approvers: {permission: maintain}') });
  const shown = hostilePlan();
  await plan(shown, false);
  const approval = `/workflow approve ${shown.hash.slice(0, 12)}`;
  expect((await hear(says(1, 'wim', approval))).reply).toContain('Found write access, expected maintain');
  expect((await hear(says(2, 'ada', approval))).recorded).toMatchObject({ accepted: true });
});

test.each([
  ['limits: {dollars: 1}', 'a limit of $5.00, expected at most $1.00'],
  ['limits: {tokens: 1000}', 'no limit of tokens, expected at most 1,000 tokens'],
  ['limits: {concurrency: 2}', '4 agents at once, expected at most 2'],
  ['models: [claude-haiku-4-5]', 'the model'],
  ['effort: low', 'the effort'],
  ['reviewers: 8', 'expected at least 8'],
  ["paths: {protected: ['infra/**']}", '`infra/**` not protected'],
])('a policy that was narrowed since the plan was made, `%s`, refuses its approval and says what to do', async (policy, why) => {
  const { hear, plan, journal, driven } = await room({ operator: operatorWith(policy) });
  const made = hostilePlan();
  const shown = { ...made, limits: { ...made.limits, budget: 5_000_000, concurrency: 4 } };
  await plan(shown, false);
  const { reply, recorded } = await hear(says(1, 'wim', `/workflow approve ${shown.hash.slice(0, 12)}`));
  expect(reply).toContain(why);
  expect(reply).toContain('`/workflow stop`');
  expect(recorded).toMatchObject({ accepted: false });
  expect([await journal.signals(RUN), driven]).toEqual([[], []]);
});

test('saved scripts that the operator does not allow are not even read', async () => {
  const { hear, journal } = await room({ operator: operatorWith('saved_scripts: false') });
  expect((await hear({ ...says(1, 'mona', '/workflow run it'), number: 99 })).reply).toContain('lets no saved scripts be run');
  expect(await journal.runs()).toEqual([RUN]);
});

test.each([
  ['the repository', 'requesters: {permission: maintain}', {}],
  ['the repository by name', 'requesters: {logins: [ada]}', {}],
  ['the operator', '', { operator: operatorWith('requesters: {permission: maintain}') }],
])('who may start a run, as %s says: by the permission at that moment', async (_whose, yaml, changes) => {
  const { hear, journal } = await room({
    ...changes,
    hub: {
      repository: () => Promise.resolve({ defaultBranch: 'main', cloneUrl: '', url: '', private: true }),
      file: () => Promise.resolve(`enabled: true\n${yaml}`),
    },
  });
  const wish = { body: '/workflow migrate x', number: 99 };
  expect((await hear({ ...says(1, 'wim', ''), ...wish })).reply).toMatch(/^Found .*expected .*Nothing was started\.$/u);
  expect(await journal.runs()).toEqual([RUN]);
  expect((await hear({ ...says(2, 'ada', ''), ...wish })).recorded).toMatchObject({ accepted: true });
  expect(await journal.runs()).toHaveLength(2);
});
