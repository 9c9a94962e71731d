import type { z } from 'zod';
import { foundText, needs, type Mistake } from './mistakes.ts';
import { namesIn, text } from './values.ts';

/** Who may spend, and whose saved scripts may be run elsewhere. */
export const SPENDERS = {
  ALLOWED_OWNERS: text.default(''),
  ALLOWED_REPOSITORIES: text.default(''),
  SCRIPT_REPOSITORIES: text.default(''),
};

export interface SpendersConfig {
  /** Accounts that may spend, in lower case. */
  readonly allowedOwners: ReadonlySet<string>;
  /** Single repositories that may spend, as `owner/repo` in lower case. */
  readonly allowedRepositories: ReadonlySet<string>;
  /** Repositories, as `owner/repo` in lower case, whose saved scripts may be run in other repositories. */
  readonly scriptRepositories: ReadonlySet<string>;
}

export function spendersOf(env: z.infer<z.ZodObject<typeof SPENDERS>>, mistakes: Mistake[]): SpendersConfig {
  const allowedOwners = namesIn(env.ALLOWED_OWNERS);
  const allowedRepositories = repositoriesIn('ALLOWED_REPOSITORIES', env.ALLOWED_REPOSITORIES, mistakes);
  const scriptRepositories = repositoriesIn('SCRIPT_REPOSITORIES', env.SCRIPT_REPOSITORIES, mistakes);
  const notAccounts = [...allowedOwners].filter((name) => name.includes('/'));
  if (notAccounts.length > 0)
    mistakes.push({
      variable: 'ALLOWED_OWNERS',
      found: foundText('ALLOWED_OWNERS', notAccounts.join(', ')),
      expected: needs('accounts', 'Single repositories stand in ALLOWED_REPOSITORIES'),
    });
  if (allowedOwners.size + allowedRepositories.size === 0)
    mistakes.push({
      variable: 'ALLOWED_OWNERS',
      found: 'nothing there nor in ALLOWED_REPOSITORIES',
      expected: needs(
        'the accounts that may spend',
        'Name some, such as `my-org, my-login`, or single repositories in ALLOWED_REPOSITORIES',
      ),
    });
  return { allowedOwners, allowedRepositories, scriptRepositories };
}

function repositoriesIn(variable: string, list: string, mistakes: Mistake[]): ReadonlySet<string> {
  const names = namesIn(list);
  const others = [...names].filter((name) => !/^[\w.-]+\/[\w.-]+$/u.test(name));
  if (others.length > 0)
    mistakes.push({
      variable,
      found: foundText(variable, others.join(', ')),
      expected: needs('repositories as `owner/repo`', 'Separate them by spaces or commas'),
    });
  return names;
}
