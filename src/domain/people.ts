interface Signed {
  readonly author: string;
  readonly email: string;
  readonly committer: string;
  readonly committerEmail: string;
}

/** Names of who else than the holder of this mail address wrote these commits, or moved them: a commit that a person amended keeps its author. Each once. */
export function peopleOf(commits: readonly Signed[], own: string): readonly string[] {
  const people = commits.flatMap(({ author, email, committer, committerEmail }) => [
    ...(email === own ? [] : [author]),
    ...(committerEmail === own ? [] : [committer]),
  ]);
  return [...new Set(people)];
}
