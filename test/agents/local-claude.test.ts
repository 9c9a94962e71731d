import { expect, test } from 'vitest';
import { openClient } from '../../src/agents/client.ts';
import { requestFor } from '../../src/agents/request.ts';
import { openToolbox } from '../../src/agents/toolbox.ts';
import { knownModels } from '../../src/agents/models.ts';
import { startLocalClaude } from '../../src/local/claude/server.ts';

test.for(knownModels())(
  'the scripted Claude, which refuses what the API refuses, takes our request for %s and reads its prefix from the cache',
  async (model) => {
    const claude = await startLocalClaude({});
    const client = openClient({ apiKey: 'k', baseUrl: claude.url }, 10_000);
    const tools = openToolbox({
      tools: ['read', 'glob', 'grep', 'edit', 'write', 'remove', 'check'],
      checks: ['test'],
      submit: null,
    }).definitions;
    const opening = { model, effort: 'xhigh' as const, system: ['You read.', 'A rule. '.repeat(3000)], tools };
    const ask = async (text: string) => {
      const sent = await client.send(requestFor(opening, [{ role: 'user', content: [{ type: 'text', text }] }], 32_000), {
        signal: new AbortController().signal,
        heard: () => undefined,
        began: () => undefined,
      });
      if (sent.kind === 'failed') throw new Error(sent.fault.what);
      return sent.message;
    };
    const first = await ask('What is here?');
    expect(first.usage.cacheWrite1h).toBeGreaterThan(5000);
    const second = await ask('And what is there?');
    expect(second.usage.cacheRead).toBe(first.usage.cacheWrite1h);
    await claude.close();
  },
);
