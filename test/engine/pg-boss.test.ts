import { afterAll, beforeAll, describe } from 'vitest';
import { type Boss, openBoss } from '../../src/engine/pg-boss.ts';
import { POSTGRES_HERE, startPostgres, type TestPostgres } from '../postgres.ts';
import { dispatchConformance } from './conformance.ts';
import { quiet } from './quiet.ts';

describe.skipIf(!POSTGRES_HERE)('pg-boss', () => {
  let postgres: TestPostgres;
  let boss: Boss;
  let queues = 0;
  beforeAll(async () => {
    postgres = await startPostgres();
    boss = await openBoss({ url: await postgres.database(), log: quiet });
  });
  afterAll(async () => {
    await boss.close();
    await postgres.stop();
  });

  dispatchConformance('deliveries through pg-boss', () => {
    queues += 1;
    const name = `queue-${queues}`;
    return Promise.resolve({ open: () => boss.queue(name), close: () => Promise.resolve() });
  });
});
