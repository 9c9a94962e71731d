import { getTransformStream } from '@probot/pino';
import { pino, type Logger } from 'pino';
import type { Config } from './config.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';

/** Probot's log, as Probot makes it, with a look at each line before it is written: no secret stands in a log, whatever was thrown. */
export async function appLog({ level, format }: Config['log'], secrets: Pick<SecretGuard, 'withholdNow'>): Promise<Logger> {
  const transform = await getTransformStream({ logFormat: format });
  transform.pipe(process.stdout);
  return pino({ level, name: 'probot', hooks: { streamWrite: (line) => secrets.withholdNow(line).text } }, transform);
}
