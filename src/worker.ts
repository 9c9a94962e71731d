import { requireNode } from './node-version.ts';

requireNode();
// After the check: an older Node would stumble over what these import.
const { startWorker } = await import('./start-worker.ts');
const { readWorkerConfig } = await import('./config.ts');
const { ConvergeError, messageOf } = await import('./domain/errors.ts');

try {
  const config = readWorkerConfig();
  const working = await startWorker(config);
  const end = (): void => {
    void working.close().then(() => process.exit(0));
  };
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
} catch (error) {
  console.error(error instanceof ConvergeError ? error.message : `The worker does not start: ${messageOf(error)}`);
  process.exit(1);
}
