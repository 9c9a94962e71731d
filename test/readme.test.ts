import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { commandForms } from '../src/domain/command.ts';
import { parseOperatorPolicy } from '../src/domain/operator-policy.ts';
import { parseRepositoryConfiguration } from '../src/domain/repository-configuration.ts';
import { APP_EVENTS, APP_PERMISSIONS } from '../src/local/world.ts';
import { isThere } from '../src/report/replies.ts';

const text = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');
const README = text('../README.md');

test('the table of environment variables names exactly those that are read', () => {
  const rooms = readdirSync(new URL('../src/config/', import.meta.url)).map((file) => `../src/config/${file}`);
  const tables = ['../src/config.ts', ...rooms]
    .map(text)
    .join('\n')
    .matchAll(/^(?:export )?const [A-Z_]+ = \{$[^]*?^\};$/gmu);
  const read = [...tables].flatMap(([table]) => [...table.matchAll(/^ {2}([A-Z][A-Z_]+): /gmu)].map(([, name]) => name));
  const told = [...README.matchAll(/^\| `([A-Z][A-Z_]+)` \|/gmu)].map(([, name]) => name);
  expect(read).toContain('WEBHOOK_SECRET');
  expect(new Set(told)).toEqual(new Set(read));
});

test('what the table calls required is what an empty environment is told to be missing', () => {
  const required = [...README.matchAll(/^\| `([A-Z_]+)` \| required \|/gmu)].map(([, name]) => name ?? '');
  const refusal = (environment: NodeJS.ProcessEnv): string => {
    try {
      readConfig(environment);
      return '';
    } catch (error) {
      return String(error);
    }
  };
  const problems = refusal({});
  expect(required.filter((name) => !problems.includes(`${name}:`))).toEqual([]);
  expect(problems).toContain('PRIVATE_KEY:');
});

test('both examples of .github/converge.yml are valid, and the long one has every key', () => {
  const examples = [...README.matchAll(/```yaml\n(enabled:[^]*?)```/gu)].map(([, yaml]) => yaml ?? '');
  expect(examples.map((yaml) => parseRepositoryConfiguration(yaml).kind)).toEqual(['enabled', 'enabled']);
  const [, long] = examples;
  const parsed = parseRepositoryConfiguration('enabled: true');
  const keys = parsed.kind === 'enabled' ? Object.keys(parsed.configuration) : [];
  expect(keys.filter((key) => !new RegExp(`^${key}:`, 'mu').test(long ?? ''))).toEqual([]);
});

test('the example of a policy is valid, and has every key', () => {
  const [, example = ''] = /```yaml\n(repositories:[^]*?)```/u.exec(README) ?? [];
  const parsed = parseOperatorPolicy(example);
  expect(parsed).toMatchObject({ policy: { reviewers: 2, approvers: { other_than_requester: true } } });
  expect(Object.keys('policy' in parsed ? parsed.policy : {}).filter((key) => !new RegExp(`^${key}:`, 'mu').test(example))).toEqual([]);
});

test('the address for registering by hand asks for what app.yml asks for', () => {
  const address = new URL(/^https:\/\/github\.com\/settings\/apps\/new\S+$/mu.exec(README)?.[0] ?? 'none:');
  const asked = Object.fromEntries(Object.keys(APP_PERMISSIONS).map((name) => [name, address.searchParams.get(name)]));
  expect(asked).toEqual(APP_PERMISSIONS);
  expect(address.searchParams.getAll('events[]')).toEqual([...APP_EVENTS]);
  expect(address.searchParams.get('webhook_url')).toMatch(/\/api\/github\/webhooks$/u);
});

test('every command is told, as there or as not there yet', () => {
  const later = /^\| (.*) \| (?:is|are) understood/mu.exec(README)?.[1] ?? '';
  for (const { name, form } of commandForms()) {
    if (isThere(name)) expect(README).toContain(name === 'migrate' ? '`/workflow migrate <task> [flags]`' : `\`${form}\``);
    else expect(later).toContain(`\`/workflow ${name}\``);
  }
  const migrate = commandForms().find(({ name }) => name === 'migrate')?.form ?? '';
  for (const [flag] of migrate.matchAll(/--[a-z-]+/gu)) expect(README).toContain(`\`${flag}`);
});
