import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

const Names = z.record(z.string(), z.string()).default({});
const Manifest = z.object({ dependencies: Names, devDependencies: Names, optionalDependencies: Names });
const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ integrity: z.string().optional(), resolved: z.string().optional(), hasInstallScript: z.boolean().optional() }),
  ),
});

const { dependencies, devDependencies, optionalDependencies } = Manifest.parse(JSON.parse(read('package.json')));
const all = { ...dependencies, ...devDependencies, ...optionalDependencies };
const locked = Object.entries(Lock.parse(JSON.parse(read('package-lock.json'))).packages).filter(([path]) => path !== '');

test('every dependency is one exact version', () => {
  expect(Object.entries(all).filter(([, version]) => !/^\d+\.\d+\.\d+$/u.test(version))).toEqual([]);
});

test('the lock file holds the hash of every package, and names no registry', () => {
  expect(locked.length).toBeGreaterThan(100);
  expect(locked.filter(([, { integrity }]) => integrity?.startsWith('sha512-') !== true).map(([path]) => path)).toEqual([]);
  expect(locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
});

test('no package runs a script when it is installed, and none could', () => {
  expect(locked.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)).toEqual([]);
  expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/mu);
  expect(read('Dockerfile')).toContain('npm ci --omit=dev --ignore-scripts');
});

test('every dependency has its reason in src/README.md, and no reason is left of one that is gone', () => {
  const section = /^## Dependencies$([^]*?)^## /mu.exec(read('src/README.md'))?.[1] ?? '';
  const named = section
    .split('\n')
    .filter((row) => row.startsWith('| `'))
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/gu)].map(([, name]) => name ?? ''));
  expect(named.toSorted()).toEqual(Object.keys(all).toSorted());
});

test('the list of what production installs is named after the program, wherever it lies', () => {
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'sbom'], { cwd: new URL('../', import.meta.url), encoding: 'utf8' });
  expect(status).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ metadata: { component: { name: 'converge', type: 'application' } } });
});
