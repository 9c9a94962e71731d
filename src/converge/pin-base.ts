import { ConvergeError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { House } from '../house.ts';

/** The commit that everything of this run starts from, fetched with all its blobs. Ends in a ConvergeError of kind `github` when the branch is not there. */
export async function pinBase(house: House): Promise<Plan['base']> {
  const branch = house.settings.base;
  const commit = await house.hub.branchHead(branch);
  if (commit === null) {
    throw new ConvergeError(
      'github',
      `Found no branch \`${branch}\` in ${house.place.owner}/${house.place.repo}, expected the branch that the migration starts from. Name one that exists with \`--base <branch>\`.`,
    );
  }
  const pinned = await house.repository.pin({ run: house.run, commit });
  return { branch, ...pinned };
}
