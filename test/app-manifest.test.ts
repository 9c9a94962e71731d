import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { APP_EVENTS, APP_PERMISSIONS } from '../src/local/world.ts';
import { WEBHOOK_PATH } from '../src/start.ts';

const manifest: unknown = parse(readFileSync(new URL('../app.yml', import.meta.url), 'utf8'));

test('the manifest asks for what the local GitHub grants, so that every test shows that it is enough', () => {
  expect(manifest).toMatchObject({ public: false, default_events: [...APP_EVENTS] });
  expect(manifest).toHaveProperty('default_permissions', APP_PERMISSIONS);
});

test('webhooks go where the App listens', () => {
  expect(WEBHOOK_PATH).toBe('/api/github/webhooks');
  expect(manifest).toHaveProperty('hook_attributes', { url: `https://converge.example.com${WEBHOOK_PATH}`, active: true });
});
