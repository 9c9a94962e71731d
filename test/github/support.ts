import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Octokit } from '@octokit/rest';

import { type ClientOptions, type Clients, openClients } from '../../src/github/client.ts';
import { effectsMemory } from '../../src/github/effects.ts';
import type { Hub } from '../../src/github/hub.ts';
import { openHub } from '../../src/github/open-hub.ts';
import type { GitHubTimings } from '../../src/github/timings.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { openSqliteJournal } from '../../src/journal/sqlite.ts';
import { type Fixture, type FixtureOptions, withLocalGitHub } from '../local/github/support.ts';

/** As short as they can be, and as many as in production. */
export const FAST: GitHubTimings = {
  writeSpacingMs: 0,
  contentSpacingMs: 0,
  effectLookupsMs: [0, 1, 1],
  retriesMs: [1, 1, 1],
  limitWaitMs: 1,
  limitPatienceMs: 5000,
  ciPollMs: 1,
  ciGraceMs: 0,
  ciSettleMs: 1,
  ciDeadlineMs: 60_000,
};

export const HERE = { owner: 'acme', repo: 'widgets' } as const;

/** Our own check on a commit, with no words of interest. */
export function ownCheck<Status extends 'queued' | 'in_progress'>(commit: string, status: Status) {
  return {
    commit,
    startedAt: '2026-11-01T00:00:00.000Z',
    status,
    conclusion: null,
    title: 'T',
    summary: '',
    text: '',
    detailsUrl: null,
  };
}

type Facts = Pick<ClientOptions, 'appId' | 'privateKey' | 'apiUrl'>;

/** Clients at the pace of the tests. */
export function clientsOf(facts: Facts, changes: Partial<ClientOptions> = {}): Clients {
  const contents = { perMinute: 1000, perHour: 1000 };
  const { signal } = new AbortController();
  return openClients({ timings: FAST, contents, known: async () => [], minted: () => {}, signal, ...facts, ...changes });
}

/** A client as this installation. */
export function clientOf(
  { installation, ...facts }: Facts & { readonly installation: number },
  { place = HERE, ...changes }: Partial<ClientOptions> & { readonly place?: { readonly owner: string; readonly repo: string } } = {},
): Octokit {
  return clientsOf(facts, changes).repository({ ...place, installation });
}

export interface HubFixture extends Fixture {
  /** Ours, opened on acme/widgets; `github` is the server it talks to. */
  readonly ours: Hub;
  readonly github: Fixture['hub'];
  readonly journal: Journal;
  /** Resolves when our client has read a commit's check runs so many times more. */
  readonly looked: (times: number) => Promise<void>;
  /** Acts after that read, before our client goes on. */
  readonly afterLook: (times: number, act: () => Promise<void> | void) => void;
  /** Another one on the same journal, as after a restart. */
  readonly reopen: (changes?: Partial<Parameters<typeof openHub>[0]>) => Hub;
}

export interface HubFixtureOptions extends FixtureOptions {
  readonly timings?: Partial<GitHubTimings>;
}

/** Our hub on the local GitHub: real HTTP, a real journal. */
export async function withHub<T>(use: (fixture: HubFixture) => Promise<T>, options: HubFixtureOptions = {}): Promise<T> {
  const { timings: changed, ...fixtureOptions } = options;
  return withLocalGitHub(async (fixture) => {
    const directory = await mkdtemp(join(tmpdir(), 'converge-hub-'));
    const journal = await openSqliteJournal({ directory });
    const timings = { ...FAST, ...changed };
    const { signal } = new AbortController();
    const { id: appId, privateKey, installationId: installation } = fixture.app;
    const octokit = clientOf({ appId, privateKey, apiUrl: fixture.hub.apiUrl, installation }, { timings, signal });
    let waiting: { times: number; readonly act: () => Promise<void> | void }[] = [];
    octokit.hook.after('request', async (_, { url }) => {
      if (!url.includes('/check-runs')) return;
      for (const one of waiting) one.times -= 1;
      const due = waiting.filter(({ times }) => times <= 0);
      waiting = waiting.filter(({ times }) => times > 0);
      for (const one of due) await one.act();
    });
    const afterLook: HubFixture['afterLook'] = (times, act) => void waiting.push({ times, act });
    const looked = (times: number): Promise<void> => new Promise((wake) => afterLook(times, wake));
    const base = { ...HERE, octokit, journal, timings, markerSecret: 'marker secret of the tests', ownAppId: fixture.app.id, signal };
    const memory = effectsMemory(journal);
    const reopen: HubFixture['reopen'] = (changes = {}) =>
      openHub({ ...base, memory: { inFlight: new Map(), begunHere: memory.begunHere }, ...changes });
    try {
      return await use({ ...fixture, github: fixture.hub, ours: reopen(), journal, looked, afterLook, reopen });
    } finally {
      await journal.close();
      await rm(directory, { recursive: true, force: true });
    }
  }, fixtureOptions);
}

/** Every verb of a journal but those given. */
export function journalWith(journal: Journal, changes: Partial<Journal>): Journal {
  return new Proxy(journal, {
    get: (target, name) => {
      const own = Reflect.get(changes, name);
      if (own !== undefined) return own;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
