import { z } from 'zod';
import { EFFORTS, type Role } from './effort.ts';
import { PERMISSIONS } from './permission.ts';
import {
  explain,
  GLOBS,
  isMapping,
  LIMITS,
  list,
  mapping,
  oneOf,
  readYaml,
  text,
  whole,
  type ConfigurationError,
} from './yaml-settings.ts';

export type ParsedConfiguration =
  | { readonly kind: 'absent' }
  | { readonly kind: 'disabled' }
  | { readonly kind: 'invalid'; readonly errors: readonly ConfigurationError[] }
  | { readonly kind: 'enabled'; readonly configuration: RepositoryConfiguration };

/** One optional value for each role. */
function byRole<Value extends z.ZodType>(value: Value): z.ZodObject<Readonly<Record<Role, z.ZodOptional<Value>>>, z.core.$strict> {
  const one = value.optional();
  return mapping({ planner: one, reader: one, migrator: one, reviser: one, verifier: one });
}

const CHECK = mapping({
  name: z
    .string({ error: 'a name of lower-case letters, digits and dashes' })
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/u, { error: 'a name of at most 40 lower-case letters, digits and dashes' }),
  run: text('the command to run'),
  when: oneOf(['shard', 'converged']),
});

const SCHEMA = mapping({
  enabled: z.boolean({ error: 'true or false' }).default(false),
  setup: text('the command that installs what checks need').nullable().default(null),
  checks: list(CHECK, 'checks').default([]),
  paths: mapping({ include: GLOBS.default([]), exclude: GLOBS.default([]), protected: GLOBS.default([]) }).prefault({}),
  limits: LIMITS.prefault({}),
  models: byRole(text("a model's id such as claude-opus-5-5")).prefault({}),
  effort: byRole(oneOf(EFFORTS)).prefault({}),
  reviewers: whole(1, 8, 'verifiers for each review').default(2),
  rounds: whole(1, 3, 'reviews for each shard').default(3),
  approvers: mapping({
    logins: list(text('a login'), 'logins').default([]),
    permission: oneOf(PERMISSIONS).default('write'),
    other_than_requester: z.boolean({ error: 'true or false' }).default(false),
  }).prefault({}),
  requesters: mapping({
    logins: list(text('a login'), 'logins').default([]),
    permission: oneOf(PERMISSIONS).default('write'),
  }).prefault({}),
  publish_shards: z.boolean({ error: 'true or false' }).default(false),
}).superRefine((value, context) => {
  value.checks.forEach((check, index) => {
    const first = value.checks.findIndex((other) => other.name === check.name);
    if (first < index) {
      context.addIssue({ code: 'custom', path: ['checks', index, 'name'], message: `a name that checks[${first}] does not have yet` });
    }
  });
});

/**
 * What `.github/converge.yml` of the default branch says, defaults filled in. `limits` are the repository's wish: the operator's bound them (settings.ts).
 * `approvers.logins`: when it is not empty, only these people may approve; everybody needs `approvers.permission` at least. `requesters` says the same of starting a run.
 */
export type RepositoryConfiguration = z.output<typeof SCHEMA>;

/**
 * Reads the text of `.github/converge.yml`; null when there is no such file. Never throws: everything that is wrong with it is in `errors`, all at once.
 * Off unless it says `enabled: true`; with `enabled: false` nothing else is looked at.
 */
export function parseRepositoryConfiguration(source: string | null): ParsedConfiguration {
  if (source === null) return { kind: 'absent' };
  const read = readYaml(source);
  if ('errors' in read) return { kind: 'invalid', errors: read.errors };
  if (read.value === null) return { kind: 'disabled' };
  if (isMapping(read.value) && read.value['enabled'] === false) return { kind: 'disabled' };
  const parsed = SCHEMA.safeParse(read.value);
  if (!parsed.success) return { kind: 'invalid', errors: parsed.error.issues.flatMap((issue) => explain(issue, read.value)) };
  return parsed.data.enabled ? { kind: 'enabled', configuration: parsed.data } : { kind: 'disabled' };
}
