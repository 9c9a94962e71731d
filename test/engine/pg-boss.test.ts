import { afterAll, beforeAll, describe } from 'vitest';
import { openBoss } from '../../src/engine/pg-boss.ts';
import { dispatchConformance } from './conformance.ts';
import { quiet } from './quiet.ts';
import { openServer } from './server.ts';

const server = await openServer();

describe.skipIf(server === null)('pg-boss', () => {
  const url = server?.url ?? '';
  let queues = 0;
  let boss: Awaited<ReturnType<typeof openBoss>>;
  beforeAll(async () => {
    boss = await openBoss({ url, log: quiet });
  });
  afterAll(async () => {
    await boss.close();
    await server?.stop();
  });

  dispatchConformance('deliveries through pg-boss', async () => {
    queues += 1;
    const name = `queue-${queues}`;
    return { open: () => boss.queue(name), close: () => Promise.resolve() };
  });
});
