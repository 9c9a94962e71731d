import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { accessAsker } from '../src/engine/access.ts';
import { openBoss } from '../src/engine/pg-boss.ts';
import { openPostgresJournal } from '../src/journal/postgres.ts';
import { start } from '../src/start.ts';
import { quiet } from './engine/quiet.ts';
import { STARTED } from './journal/support.ts';
import { type Fixture, octokit, withLocalGitHub } from './local/github/support.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from './postgres.ts';

/** The App as it runs beside workers; its switch is off, so that it drives nothing. */
async function withApp(databaseUrl: string, { app, hub, scratch }: Fixture, use: () => Promise<void>): Promise<void> {
  const running = await start(
    readConfig({
      APP_ID: String(app.id),
      PRIVATE_KEY: app.privateKey,
      WEBHOOK_SECRET: app.secret,
      GHE_HOST: new URL(hub.url).host,
      GHE_PROTOCOL: 'http',
      PORT: '0',
      DATA_DIR: join(scratch, 'data'),
      DATABASE_URL: databaseUrl,
      ALLOWED_OWNERS: 'acme',
      ANTHROPIC_API_KEY: 'scripted',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
      CONVERGE_DISABLED: 'nothing is driven here',
      LOG_LEVEL: 'fatal',
    }),
  );
  try {
    await use();
  } finally {
    await running.close();
  }
}

describe.skipIf(!POSTGRES_HERE)('an App beside workers', () => {
  let postgres: TestPostgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(async () => {
    await postgres.stop();
  });

  test('gives a worker that asks a token that reads the repository of the run, and neither writes it nor sees another', async () => {
    await withLocalGitHub(async (fixture) => {
      const { hub, app, alice, clone, git, scratch, tokens } = fixture;
      await hub.createRepository({ owner: 'acme', name: 'secrets', from: await clone(), private: true });
      hub.install(app.id, 'acme/secrets');
      const { data: issue } = await alice.rest.issues.create({ owner: 'acme', repo: 'widgets', title: 'Migrate' });
      const url = await postgres.database();
      const journal = await openPostgresJournal({ url });
      const boss = await openBoss({ url, log: quiet });
      const place = { owner: 'acme', repo: 'widgets', installation: app.installationId, number: issue.number, kind: 'issue' } as const;
      await journal.start({ run: 'run-1', trigger: '1', event: { ...STARTED, place } });
      try {
        await withApp(url, fixture, async () => {
          const { cloneUrl, bot, token } = await accessAsker(boss)('run-1');
          expect({ cloneUrl, bot: bot.name }).toEqual({ cloneUrl: `${hub.url}/acme/widgets.git`, bot: 'converge[bot]' });
          const holder = octokit(hub, token);
          const { data } = await holder.rest.apps.listReposAccessibleToInstallation();
          expect(data.repositories.map(({ full_name: name }) => name)).toEqual(['acme/widgets']);
          expect(hub.state.tokens.get(token)).toHaveProperty('permissions', { contents: 'read' });
          const directory = await clone(token);
          await expect(git(directory, ['push', '--quiet', 'origin', 'HEAD:refs/heads/pushed'], token)).rejects.toThrow();
          expect(await git(scratch, ['ls-remote', '--heads', cloneUrl, 'pushed'], tokens.alice)).toBe('');
        });
      } finally {
        await boss.close();
        await journal.close();
      }
    });
  });
});
