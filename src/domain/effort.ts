export const EFFORTS = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export type Effort = (typeof EFFORTS)[number];

export const ROLES = ['planner', 'reader', 'migrator', 'reviser', 'verifier'] as const;
export type Role = (typeof ROLES)[number];

/** Model and effort of each role: resolved once, pinned at approval. */
export type ModelChoice = { readonly model: string; readonly effort: Effort };
export type ModelChoices = { readonly [role in Role]: ModelChoice };

export function isAbove(one: Effort, other: Effort): boolean {
  return EFFORTS.indexOf(one) > EFFORTS.indexOf(other);
}

export function lower(one: Effort, other: Effort): Effort {
  return isAbove(one, other) ? other : one;
}
