import { checkId } from './objects.ts';
import { setPackedRefs } from './packed-refs.ts';
import { plumbing, type GitPlace } from './spawn.ts';

/** Commit that a ref names; null when there is none. A branch may be named without `refs/heads/`. */
export async function resolveRef(place: GitPlace, ref: string): Promise<string | null> {
  const { exitCode, stdout } = await plumbing(place, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${fullRef(ref)}^{commit}`], {
    codes: [0, 1],
  });
  return exitCode === 0 ? checkId(stdout.toString('latin1').trim()) : null;
}

export async function setRef(place: GitPlace, ref: string, commit: string): Promise<void> {
  await plumbing(place, ['update-ref', '--', fullRef(ref), checkId(commit)]);
}

/** All of them, or none and an error. */
export async function setRefs(place: GitPlace, refs: readonly { readonly ref: string; readonly commit: string }[]): Promise<void> {
  const named = refs.map(({ ref, commit }) => ({ name: fullRef(ref), commit: checkId(commit) }));
  if (named.length === 0 || (await setPackedRefs(place, named))) return;
  const input = named.map(({ name, commit }) => `update ${name}\0${commit}\0\0`).join('');
  await plumbing(place, ['update-ref', '--stdin', '-z'], { input });
}

function fullRef(ref: string): string {
  return ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
}
