import { z } from 'zod';
import { requireNode } from '../node-version.ts';

requireNode();
const { startLocalClaude } = await import('./claude/server.ts');
const { answerParent } = await import('./parent.ts');

/** The scripted Claude as a process of its own. */
answerParent({
  start: async (options) => {
    const claude = await startLocalClaude(
      z
        .object({ port: z.number().optional(), latencyMs: z.number().optional() })
        .transform(({ port = 0, latencyMs = 0 }) => ({ port, latencyMs }))
        .parse(options),
    );
    return { url: claude.url };
  },
});
