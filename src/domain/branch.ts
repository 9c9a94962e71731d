/** The run's branch, pushed: begins with an empty commit on the base. */
export function runBranch(run: string): string {
  return `converge/${run}`;
}

/** A shard's branch in the mirror. Not below the run's branch: git holds no branch below another branch's name. */
export function shardBranch(run: string, shard: string): string {
  return `converge-shards/${run}/${shard}`;
}

/** Of the pull request that saves a run's script under a name. */
export function saveBranch(run: string, name: string): string {
  return `converge-save/${run}-${name}`;
}
