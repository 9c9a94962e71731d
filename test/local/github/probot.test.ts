import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import type { Probot } from 'probot';
import { createNodeMiddleware, createProbot } from 'probot';
import { EVENTS, PERMISSIONS, withLocalGitHub } from './support.ts';

const HERE = { owner: 'acme', repo: 'widgets' };

test('a Probot app configured for GitHub Enterprise hears a comment and answers it', async () => {
  await withLocalGitHub(async ({ hub, alice }) => {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    try {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      const webhookUrl = `http://127.0.0.1:${port}/api/github/webhooks`;
      const facts = { slug: 'echo', name: 'Echo', webhookUrl, webhookSecret: 'another secret', permissions: PERMISSIONS, events: EVENTS };
      const app = await hub.createApp(facts);
      hub.install(app.id, 'acme/widgets');
      const probot = createProbot({
        env: {
          APP_ID: String(app.id),
          PRIVATE_KEY: app.privateKey,
          WEBHOOK_SECRET: 'another secret',
          GHE_HOST: `127.0.0.1:${new URL(hub.url).port}`,
          GHE_PROTOCOL: 'http',
          LOG_LEVEL: 'fatal',
        },
      });
      const { promise: answered, resolve, reject } = Promise.withResolvers<unknown>();
      const echo = (robot: Probot): void => {
        robot.onError(reject);
        robot.on('issue_comment.created', async (context) => {
          if (context.isBot) return;
          const answer = await context.octokit.rest.issues.createComment(context.issue({ body: `echo: ${context.payload.comment.body}` }));
          resolve(answer.data);
        });
      };
      const middleware = await createNodeMiddleware(echo, { probot });
      server.on('request', (request, response) => void middleware(request, response));
      await alice.rest.issues.create({ ...HERE, title: 'A' });
      await alice.rest.issues.createComment({ ...HERE, issue_number: 1, body: 'hello' });
      expect(await answered).toMatchObject({ body: 'echo: hello', user: { login: 'echo[bot]' } });
      await hub.settled();
      const delivered = [...hub.state.deliveries.values()].filter((one) => one.app.slug === 'echo' && one.event === 'issue_comment');
      expect(delivered.map((one) => one.statusCode)).toEqual([200, 200]);
    } finally {
      server.closeAllConnections();
      await new Promise<void>((done) => server.close(() => done()));
    }
  });
});
