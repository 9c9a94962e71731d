import type { Config } from './config.ts';
import type { Log } from './house.ts';
import type { SecretGuard } from './secrets/secret-guard.ts';

/** Numbers as in Probot's log, so that both are read by the same tools. */
const LEVELS = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 } as const;

/** One line of JSON on the standard output for each fact of that level or above, without secrets. */
export function lineLog(least: Config['log']['level'], secrets: Pick<SecretGuard, 'withholdNow'>): Log {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (facts: object, text: string): void => {
      if (LEVELS[level] < LEVELS[least]) return;
      console.log(secrets.withholdNow(JSON.stringify({ level: LEVELS[level], time: Date.now(), ...facts, msg: text })).text);
    };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}
