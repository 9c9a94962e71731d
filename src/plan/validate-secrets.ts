import type { PlanDraft } from '../domain/plan.ts';
import { findSecrets } from '../secrets/find-secrets.ts';

/** A plan is posted, word for word as it is approved: with a secret in it, it could not be. */
export async function secretErrors(draft: PlanDraft): Promise<readonly string[]> {
  const errors: string[] = [];
  for (const [part, value] of Object.entries(draft)) {
    const found = await findSecrets(typeof value === 'string' ? value : JSON.stringify(value, null, 1));
    const what = [...new Set(found.map((secret) => secret.what))].join(', ');
    if (what !== '')
      errors.push(
        `${part}: found what looks like a secret (${what}), expected none, since a plan is posted for all to read. Describe it instead of repeating it.`,
      );
  }
  return errors;
}
