import { setTimeout as wait } from 'node:timers/promises';
import { callHandler } from '../../src/engine/call-handler.ts';
import { openHoldings } from '../../src/engine/holdings.ts';
import { openBoss } from '../../src/engine/pg-boss.ts';
import { openPostgresJournal } from '../../src/journal/postgres.ts';
import { quiet } from './quiet.ts';

/* A worker that says that it began, and writes when it is told to; the test stops it in between. Arguments: URL of the database, name. */

const [url = '', name = ''] = process.argv.slice(2);
const journal = await openPostgresJournal({ url });
const boss = await openBoss({ url, log: quiet });
const dispatch = await boss.queue('call');
const told = new Promise((resolve) => process.stdin.once('data', resolve));
const handler = callHandler({
  journal,
  holdings: openHoldings(journal),
  dispatch,
  owner: name,
  settleLeft: () => Promise.resolve(),
  enter: () =>
    Promise.resolve({
      prepare: async (_kind, _args, own) => ({
        label: '',
        phase: '',
        identity: {},
        perform: async (key) => {
          console.log(`${name} began ${key}`);
          await told;
          try {
            await own.journal.append('r1', [{ type: 'log', text: `${name} wrote` }]);
            console.log(`${name} wrote`);
          } catch (error) {
            console.log(`${name} was refused: ${error instanceof Error ? error.name : String(error)}`);
          }
          return { kind: 'value', value: name };
        },
      }),
    }),
  log: quiet,
});
await dispatch.work(1, handler);
console.log(`${name} works`);
// Until it is killed.
for (;;) await wait(1000);
