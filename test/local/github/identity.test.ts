import { expect, test } from 'vitest';
import { octokit, refusal, withLocalGitHub } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };

test('an App signs in with its key, finds its installation and mints a token of the new format', async () => {
  await withLocalGitHub(async ({ asApp, app, mint, hub }) => {
    expect((await asApp.rest.apps.getAuthenticated()).data).toMatchObject({ id: app.id, slug: 'converge' });
    expect((await asApp.rest.apps.listInstallations()).data.map((one) => one.id)).toEqual([app.installationId]);
    expect((await asApp.rest.apps.getRepoInstallation(HERE)).data.id).toBe(app.installationId);
    const token = await mint();
    expect(token).toMatch(new RegExp(`^ghs_${app.id}_[\\w-]+\\.[\\w-]+\\.[\\w-]+$`));
    expect(token.length).toBeGreaterThan(480);
    expect((await octokit(hub, token).rest.repos.get(HERE)).data.full_name).toBe('acme/widgets');
  });
});

test('a token is narrowed to the permissions and repositories asked, and never widened', async () => {
  await withLocalGitHub(async ({ mint, hub, app, asApp }) => {
    const reading = octokit(hub, await mint({ permissions: { issues: 'read' } }));
    const refused = await refusal(reading.rest.issues.create({ ...HERE, title: 'A' }));
    expect(refused).toMatchObject({ status: 403, message: 'Resource not accessible by integration' });
    expect(refused.headers['x-accepted-github-permissions']).toBe('issues=write');
    expect((await refusal(mint({ permissions: { workflows: 'write' } }))).status).toBe(422);
    expect((await refusal(mint({ repository_ids: [1] }))).status).toBe(422);
    const asked = { installation_id: app.installationId, repositories: ['widgets'] };
    expect((await asApp.rest.apps.createInstallationAccessToken(asked)).data.repositories).toHaveLength(1);
  });
});

test('a token is refused once its hour is over; a new one is minted by whoever has the key', async () => {
  await withLocalGitHub(async ({ mint, hub, advance }) => {
    const old = octokit(hub, await mint());
    await old.rest.repos.get(HERE);
    advance(3_599_000);
    await old.rest.repos.get(HERE);
    advance(1_000);
    expect(await refusal(old.rest.repos.get(HERE))).toMatchObject({ status: 401, message: 'Bad credentials' });
    // auth-app learns the server's time from its answer and signs again.
    await octokit(hub, await mint()).rest.repos.get(HERE);
  });
});

test('forged, foreign and absent credentials are told apart', async () => {
  await withLocalGitHub(async ({ hub, app, alice }) => {
    expect((await refusal(octokit(hub, 'ghp_nobody').rest.repos.get(HERE))).status).toBe(401);
    expect((await octokit(hub).rest.repos.get(HERE)).data.private).toBe(false);
    expect((await refusal(octokit(hub).rest.issues.create({ ...HERE, title: 'A' }))).status).toBe(401);
    expect((await refusal(alice.rest.apps.getAuthenticated())).status).toBe(401);
    const claims = Buffer.from(JSON.stringify({ iss: app.id, iat: 1, exp: 9_999_999_999 })).toString('base64url');
    const forged = await refusal(alice.request('GET /app', { headers: { authorization: `bearer e30.${claims}.AAAA` } }));
    expect(forged.status).toBe(401);
  });
});

test('roles are told as GitHub tells them, and everybody reads what is public', async () => {
  await withLocalGitHub(async ({ bot, hub, mallory }) => {
    hub.createUser('carol');
    hub.createUser('dave');
    hub.createUser('erin');
    hub.setPermission('acme/widgets', 'carol', 'maintain');
    hub.setPermission('acme/widgets', 'dave', 'triage');
    const told = async (username: string): Promise<unknown> => {
      const { permission, role_name } = (await bot.rest.repos.getCollaboratorPermissionLevel({ ...HERE, username })).data;
      return [permission, role_name];
    };
    expect(await told('acme')).toEqual(['admin', 'admin']);
    expect(await told('alice')).toEqual(['write', 'write']);
    expect(await told('mallory')).toEqual(['read', 'read']);
    expect(await told('carol')).toEqual(['write', 'maintain']);
    expect(await told('dave')).toEqual(['read', 'triage']);
    expect(await told('erin')).toEqual(['read', 'read']);
    expect((await refusal(told('nobody'))).status).toBe(404);
    expect((await refusal(mallory.rest.repos.getCollaboratorPermissionLevel({ ...HERE, username: 'alice' }))).status).toBe(403);
    expect((await bot.rest.users.getByUsername({ username: 'converge[bot]' })).data.type).toBe('Bot');
  });
});

test('a private repository is not there for strangers, and has no readers by default', async () => {
  await withLocalGitHub(
    async ({ hub, bot, git, scratch }) => {
      const erin = hub.createUser('erin');
      expect((await refusal(octokit(hub, erin.token).rest.repos.get(HERE))).status).toBe(404);
      expect((await bot.rest.repos.getCollaboratorPermissionLevel({ ...HERE, username: 'erin' })).data.permission).toBe('none');
      await expect(git(scratch, ['clone', `${hub.url}/acme/widgets.git`, 'erin'], erin.token)).rejects.toThrow(/not found/i);
      await expect(git(scratch, ['clone', `${hub.url}/acme/widgets.git`, 'anonymous'])).rejects.toThrow(
        /could not read Username|Authentication/i,
      );
    },
    { private: true },
  );
});
