/** What a person may do in a repository, from the least that commands. */
export const PERMISSIONS = ['write', 'maintain', 'admin'] as const;
export type Permission = (typeof PERMISSIONS)[number];

/** Whether this access, as GitHub gives it, is `least` or more. */
export function isAtLeast(access: string, least: Permission): boolean {
  return PERMISSIONS.some((permission, rank) => permission === access && rank >= PERMISSIONS.indexOf(least));
}

export function stricter(a: Permission, b: Permission): Permission {
  return isAtLeast(a, b) ? a : b;
}
