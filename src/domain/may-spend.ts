import type { OperatorPolicy } from './operator-policy.ts';

/** Whom the operator lets spend: off for everybody else. Names are in lower case. */
export interface AllowList {
  readonly allowedOwners: ReadonlySet<string>;
  /** As `owner/repo`. */
  readonly allowedRepositories: ReadonlySet<string>;
  readonly policy: OperatorPolicy;
}

/** Listed by its account or by itself, and in the policy's list too where that has one. */
export function maySpend(
  { allowedOwners, allowedRepositories, policy }: AllowList,
  { owner, repo }: { readonly owner: string; readonly repo: string },
): boolean {
  const names = [owner.toLowerCase(), `${owner}/${repo}`.toLowerCase()] as const;
  const listed = allowedOwners.has(names[0]) || allowedRepositories.has(names[1]);
  return (
    listed && (policy.repositories === undefined || policy.repositories.some((name) => names.some((own) => own === name.toLowerCase())))
  );
}
