import { describe, expect, it } from 'vitest';
import type { Json } from '../../src/domain/json.ts';
import type { CallOutcome } from '../../src/journal/journal.ts';
import { DEFAULT_SCRIPT } from '../../src/script/default-script.ts';
import { DIALECT } from '../../src/script/dialect.ts';
import type { ScriptEnd } from '../../src/script/protocol.ts';
import { runScript } from '../../src/script/replay.ts';
import { BUDGET, MemoryJournal, type Performed, VIEW, callSource, run, value } from './support.ts';

interface Fate {
  /** Outcomes of the reviews of a shard, in order; then accepted. */
  readonly verdicts?: readonly ('accepted' | 'revise' | 'unverified')[];
  readonly migrate?: 'null';
}

/** Primitives of a migration where each shard has its fate: changes are named after shard and revision. */
function migration(fates: { readonly [shard: string]: Fate }): { log: string[]; answer: (call: Performed) => CallOutcome } {
  const log: string[] = [];
  const reviews = new Map<string, number>();
  const idOf = (arg: Json | undefined): string =>
    typeof arg === 'object' && arg !== null && 'id' in arg && typeof arg.id === 'string' ? arg.id : '?';
  const answer = ({ kind, args }: Performed): CallOutcome => {
    const id = idOf(args[0]);
    const shard = id.split('@')[0] ?? id;
    const options = args.at(-1);
    const on =
      typeof options === 'object' && options !== null && 'on' in options && Array.isArray(options.on) ? options.on.map(idOf).join() : '';
    log.push(`${kind} ${id}${on === '' ? '' : ` on ${on}`}`);
    if (kind === 'migrate')
      return fates[shard]?.migrate === 'null' ? { kind: 'null', cause: `no luck with ${shard}` } : value({ id: `${shard}@0`, shard });
    if (kind === 'revise') return value({ id: `${shard}@${Number(id.split('@')[1]) + 1}`, shard });
    if (kind === 'accept') return value(true);
    const count = reviews.get(shard) ?? 0;
    reviews.set(shard, count + 1);
    const outcome = fates[shard]?.verdicts?.[count] ?? 'accepted';
    const findings =
      outcome === 'revise'
        ? [
            { severity: 'blocking', claim: `claim about ${shard}` },
            { severity: 'note', claim: 'small' },
          ]
        : [];
    return value({ id: `v${count}-${id}`, change: id, outcome, findings });
  };
  return { log, answer };
}

const shard = (id: string, ...after: string[]): Json => ({ id, kind: 'inventory', files: [`${id}.js`], owner: null, after, task: '' });

interface Ran {
  readonly end: ScriptEnd;
  readonly log: readonly string[];
  readonly journal: MemoryJournal;
}

async function migrated(shards: readonly Json[], fates: { readonly [shard: string]: Fate } = {}, args: Json = null): Promise<Ran> {
  const { log, answer } = migration(fates);
  const journal = new MemoryJournal();
  const calls = callSource(answer);
  const signal = new AbortController().signal;
  const view = { ...VIEW, args, shards };
  const end = await runScript({ run: 'run-1', source: DEFAULT_SCRIPT, view, journal, calls, signal, budgetAt: () => BUDGET });
  return { end, log, journal };
}

describe('the default script', { timeout: 60_000 }, () => {
  it('migrates, reviews, revises and accepts', async () => {
    const { end, log } = await migrated([shard('a')], { a: { verdicts: ['revise', 'accepted'] } });
    expect(end).toMatchObject({ kind: 'returned', value: { accepted: ['a'], leftOver: [] } });
    expect(log).toEqual(['migrate a', 'review a@0', 'revise a@0', 'review a@1', 'accept a@1']);
  });

  it('starts a shard when all that it needs is accepted, on all changes that it needs, each once and after its own needs', async () => {
    const { end, log } = await migrated([shard('d', 'b', 'c'), shard('b', 'a'), shard('c', 'a'), shard('a'), shard('e')], {
      b: { verdicts: ['revise'] },
    });
    expect(end).toMatchObject({ value: { accepted: ['d', 'b', 'c', 'a', 'e'], leftOver: [] } });
    expect(log.filter((line) => line.startsWith('migrate'))).toEqual([
      'migrate a',
      'migrate e',
      'migrate b on a@0',
      'migrate c on a@0',
      'migrate d on a@0,b@1,c@0',
    ]);
    expect(log.indexOf('accept a@0')).toBeLessThan(log.indexOf('migrate b on a@0'));
    expect(log.indexOf('migrate e')).toBeLessThan(log.indexOf('accept a@0'));
  });

  it('leaves over what was not accepted after the rounds, and what needs it, and says why', async () => {
    const fates: { [id: string]: Fate } = { a: { verdicts: ['revise', 'revise', 'revise'] }, c: { migrate: 'null' } };
    const { end, log, journal } = await migrated([shard('a'), shard('b', 'a'), shard('c'), shard('d')], fates);
    const why = '1 objection(s) stand after 3 review(s): claim about a';
    expect(end).toMatchObject({
      value: {
        accepted: ['d'],
        leftOver: [
          { shard: 'a', why },
          { shard: 'b', why: 'not started: it needs a, left over' },
          { shard: 'c', why: 'not migrated: no luck with c' },
        ],
      },
    });
    expect(log.filter((line) => line.includes(' a'))).toEqual([
      'migrate a',
      'review a@0',
      'revise a@0',
      'review a@1',
      'revise a@1',
      'review a@2',
    ]);
    expect(log.filter((line) => line.includes(' b'))).toEqual([]);
    expect(journal.told().toSorted()).toEqual([
      `a is left over: ${why}`,
      'b is left over: not started: it needs a, left over',
      'c is left over: not migrated: no luck with c',
    ]);
  });

  it('reviews once more what is unverified, and never takes it for an answer', async () => {
    const once = await migrated([shard('a')], { a: { verdicts: ['unverified', 'accepted'] } });
    expect(once.end).toMatchObject({ value: { accepted: ['a'] } });
    const twice = await migrated([shard('a')], { a: { verdicts: ['unverified', 'unverified'] } });
    expect(twice.end).toMatchObject({ value: { leftOver: [{ shard: 'a', why: 'not verified: not every reviewer answered, twice' }] } });
    expect(twice.log).toEqual(['migrate a', 'review a@0', 'review a@0']);
  });

  it('takes rounds and reviewers from args', async () => {
    const { end, journal } = await migrated([shard('a')], { a: { verdicts: ['revise'] } }, { rounds: 1, reviewers: 4 });
    expect(end).toMatchObject({ value: { leftOver: [{ shard: 'a' }] } });
    expect(journal.calls().map(({ kind, phase, label }) => [kind, phase, label])).toEqual([
      ['migrate', 'Migrate', 'a'],
      ['review', 'Review', 'a round 1'],
    ]);
    expect(journal.calls()[1]?.input).toMatchObject([{ reviewers: 4 }]);
  });

  it('carries 500 shards in a chain of needs and side by side', async () => {
    const shards = Array.from({ length: 500 }, (_, index) => (index % 10 === 0 ? shard(`s${index}`) : shard(`s${index}`, `s${index - 1}`)));
    const { end, log } = await migrated(shards);
    expect(end).toMatchObject({ kind: 'returned', value: { leftOver: [] } });
    expect(log).toHaveLength(1500);
  });
});

describe('the description of the dialect', { timeout: 60_000 }, () => {
  const [trial = '', survey = ''] = [...DIALECT.matchAll(/```js\n(.*?)```/gsu)].map((match) => match[1] ?? '');
  const ALL = /^const all = .*$/mu;
  const shards = [{ ...Object(shard('f')), kind: 'foundation' }, shard('a', 'f'), shard('b', 'f'), shard('c', 'a', 'b')];

  /** The default script with an example put into it as the description says. */
  async function changed(
    source: string,
    replies: { [kind: string]: Json },
  ): Promise<{ end: ScriptEnd; log: readonly string[]; prompts: Json[] }> {
    expect(source).not.toBe(DEFAULT_SCRIPT);
    const { log, answer } = migration({ a: { verdicts: ['revise'] } });
    const prompts: Json[] = [];
    const calls = callSource((call) => {
      const options = call.args.at(-1);
      if (call.kind === 'migrate' && typeof options === 'object' && options !== null && 'prompt' in options)
        prompts.push(options.prompt ?? null);
      return call.kind in replies ? value(replies[call.kind] ?? null) : answer(call);
    });
    const view = { ...VIEW, shards };
    const signal = new AbortController().signal;
    const end = await runScript({ run: 'r', source, view, journal: new MemoryJournal(), calls, signal, budgetAt: () => BUDGET });
    return { end, log, prompts };
  }

  it('has a trial that goes on when a person says so, and else stops with what the trial needed', async () => {
    const source = DEFAULT_SCRIPT.replace(ALL, () => trial);
    const yes = await changed(source, { approval: { approved: true, by: 'someone', text: '' } });
    expect(yes.end).toMatchObject({ value: { accepted: ['f', 'a', 'b', 'c'], leftOver: [] } });
    expect(yes.log.indexOf('accept a@1')).toBeLessThan(yes.log.indexOf('migrate b on f@0'));
    const no = await changed(source, { approval: { approved: false, by: 'someone', text: '' } });
    expect(no.end).toMatchObject({ value: { accepted: ['a'], leftOver: [] } });
    expect(no.log.filter((line) => line.startsWith('migrate'))).toEqual(['migrate f', 'migrate a on f@0']);
  });

  it('has a survey that every migrator is told', async () => {
    const source = DEFAULT_SCRIPT.replace(ALL, (line) => survey + line).replace(
      'migrate(shard, { on,',
      'migrate(shard, { on, prompt: notes,',
    );
    const told = await changed(source, { agent: 'near() is shared.' });
    expect(told.end).toMatchObject({ value: { leftOver: [] } });
    expect(told.prompts).toEqual(['near() is shared.', 'near() is shared.', 'near() is shared.', 'near() is shared.']);
    const nothing = await changed(source, { agent: null });
    expect(nothing.end).toMatchObject({ value: { leftOver: [] } });
    expect(nothing.prompts).toEqual([]);
  });

  it('names every primitive and option that exists', async () => {
    for (const name of [
      'agent',
      'parallel',
      'pipeline',
      'phase',
      'log',
      'args',
      'budget',
      'workflow',
      'shards',
      'files',
      'grep',
      'migrate',
      'codemod',
    ]) {
      expect(DIALECT).toContain(`\`${name}`);
    }
    for (const name of ['review', 'revise', 'check', 'accept', 'approval', 'failures']) expect(DIALECT).toContain(`\`${name}(`);
    const { end } = await run('return Object.getOwnPropertyNames(globalThis).filter((name) => /^[a-z]+$/.test(name))');
    const globals = end.kind === 'returned' && Array.isArray(end.value) ? end.value : [];
    const ours = globals.slice(globals.indexOf('args'));
    for (const name of ours) expect(DIALECT).toContain(`\`${String(name)}`);
    expect(ours).toContain('approval');
  });
});
