import { z } from 'zod';
import { EFFORTS } from './effort.ts';
import { PERMISSIONS } from './permission.ts';
import { LIMITS, readSettings, GLOBS, list, mapping, oneOf, text, whole, type ConfigurationError } from './yaml-settings.ts';

const name = text('an account, or a repository as owner/repo').regex(/^[\w.-]+(?:\/[\w.-]+)?$/u, {
  error: 'an account, or a repository as owner/repo',
});

const SCHEMA = mapping({
  repositories: list(name, 'accounts or repositories').optional(),
  models: list(text("a model's id such as claude-opus-5-5"), 'models').min(1, { error: 'at least one model' }).optional(),
  effort: oneOf(EFFORTS).optional(),
  reviewers: whole(1, 8, 'verifiers for each review, at least').optional(),
  limits: LIMITS.prefault({}),
  paths: mapping({ protected: GLOBS.default([]) }).prefault({}),
  requesters: mapping({ permission: oneOf(PERMISSIONS).default('write') }).prefault({}),
  approvers: mapping({
    permission: oneOf(PERMISSIONS).default('write'),
    other_than_requester: z.boolean({ error: 'true or false' }).default(false),
  }).prefault({}),
  saved_scripts: z.boolean({ error: 'true or false' }).default(true),
  publish_shards: z.boolean({ error: 'true or false' }).default(true),
  sandbox: oneOf(['bubblewrap', 'none']).default('none'),
  setup_network: oneOf(['deny', 'allow']).default('allow'),
});

/**
 * What the operator allows beside their environment, in the file that `CONVERGE_POLICY` names; the words are those of `.github/converge.yml`. What it does not say narrows
 * nothing.
 */
export type OperatorPolicy = z.output<typeof SCHEMA>;

/** Never throws: everything that is wrong with it is in `errors`, all at once. */
export function parseOperatorPolicy(
  source: string,
): { readonly policy: OperatorPolicy } | { readonly errors: readonly ConfigurationError[] } {
  const read = readSettings(source, SCHEMA);
  return 'errors' in read ? read : { policy: read.value };
}

/** Of an operator without a policy. */
export const NO_POLICY: OperatorPolicy = SCHEMA.parse({});
