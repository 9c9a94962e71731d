import { requireNode } from './node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { start } = await import('./start.ts');
const { readConfig } = await import('./config.ts');
const { ConvergeError, messageOf } = await import('./domain/errors.ts');

try {
  const running = await start(readConfig());
  const end = (): void => {
    void running.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
} catch (error) {
  console.error(error instanceof ConvergeError ? error.message : `Converge does not start: ${messageOf(error)}`);
  process.exit(1);
}
