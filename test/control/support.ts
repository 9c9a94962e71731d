import { onTestFinished } from 'vitest';
import type { Answer, Asked, Desk } from '../../src/control/desk.ts';
import { toJson } from '../../src/domain/json.ts';
import type { Plan } from '../../src/domain/plan.ts';
import { OPERATOR_DEFAULTS } from '../../src/domain/operator-limits.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { STARTED, temporaryDirectory } from '../journal/support.ts';

export const RUN = 'run-1';

/** A desk on a real journal with one run, asked for by mona in issue 3; `mona` may write, `casey` only reads. */
export interface Office {
  readonly desk: Desk;
  readonly journal: Journal;
  /** Runs that were asked to be driven, in order. */
  readonly driven: readonly string[];
  /** The plan, shown, and approved unless told. */
  readonly plan: (plan: Plan, approved?: boolean) => Promise<void>;
}

export async function openOffice(approvers = STARTED.settings.approvers, known: Partial<Hub> = {}): Promise<Office> {
  const journal = await openSqliteJournal({ directory: temporaryDirectory() });
  onTestFinished(() => journal.close());
  await journal.start({ run: RUN, trigger: '1001', event: { ...STARTED, settings: { ...STARTED.settings, approvers } } });
  const hub = hubWith({
    permission: (login) => Promise.resolve(login === 'mona' ? 'admin' : login === 'wim' ? 'write' : 'read'),
    ...known,
  });
  const driven: string[] = [];
  const desk: Desk = {
    journal,
    hubOf: () => hub,
    allowed: ({ owner }) => owner === 'octo',
    off: () => null,
    scriptRepositories: new Set(),
    repositoryOf: () => Promise.reject(new Error('the desk was asked for a mirror')),
    operator: OPERATOR_DEFAULTS,
    drive: (run) => void driven.push(run),
    interrupt: () => Promise.resolve(),
    restart: (run) => Promise.resolve(void driven.push(run)),
    log: { info: () => {}, warn: () => {}, error: () => {} },
  };
  return {
    desk,
    journal,
    driven,
    plan: async (plan, approved = true) => {
      await journal.append(RUN, [{ type: 'step.done', step: 'plan#1', result: toJson({ kind: 'planned', plan }) }]);
      if (approved) await journal.append(RUN, [{ type: 'step.done', step: 'fresh#1', result: { kind: 'fresh' } }]);
    },
  };
}

/** A comment in the run's issue. */
export function comment(id: number, login = 'mona'): Asked {
  return { owner: 'octo', repo: 'farm', installation: 7, number: 3, isPullRequest: false, comment: id, author: { login, id: 42 } };
}

/** A hub that knows these verbs; anything else that is asked of it is an error. */
export function hubWith(known: Partial<Hub>): Hub {
  return new Proxy<Hub>(Object.create(null), {
    get: (_, name) => {
      const verb: unknown = Reflect.get(known, name);
      if (verb === undefined) throw new Error(`the hub was asked for ${String(name)}`);
      return verb;
    },
  });
}

/** The same command, with the words that people read for its answer. */
export function plain<Arguments extends unknown[]>(
  command: (...given: Arguments) => Promise<Answer>,
): (...given: Arguments) => Promise<string | null> {
  return async (...given) => {
    const answer = await command(...given);
    return answer === null || typeof answer === 'string' ? answer : answer.refused;
  };
}
