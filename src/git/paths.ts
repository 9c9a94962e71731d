import { ConvergeError } from '../domain/errors.ts';

/** Characters that HFS+ ignores in names, so that `.g\u200cit` is `.git` there (git's own list in utf8.c). */
const IGNORED_ON_HFS = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/gu;

/** What is wrong with a path inside a repository, in words; null when nothing is. */
export function pathFault(path: string): string | null {
  if (path === '') return 'it is empty';
  if (path.startsWith('/')) return 'it is absolute; give it relative to the root of the repository';
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(path)) return 'it holds a control character';
  if (path.includes('\\')) return 'it holds a backslash; use `/`';
  if (!path.isWellFormed()) return 'it is not well-formed Unicode';
  if (Buffer.byteLength(path) > 4_096) return 'it is longer than 4,096 bytes';
  for (const part of path.split('/')) {
    if (part === '') return 'it has an empty part (`//`, or a `/` at its end)';
    if (part === '.' || part === '..') return `it has a part \`${part}\``;
    if (Buffer.byteLength(part) > 255) return 'a part is longer than 255 bytes';
    if (isGitDirectory(part)) return "it goes into git's own directory";
  }
  return null;
}

/** The path as it was given; a ConvergeError of kind `git` that says what is wrong with it. */
export function checkPath(path: string): string {
  const fault = pathFault(path);
  if (fault !== null) throw new ConvergeError('git', `The path \`${path.slice(0, 200)}\` is refused: ${fault}.`);
  return path;
}

/** `.git` in any spelling that some file system takes for it. */
function isGitDirectory(part: string): boolean {
  const plain = part
    .replace(IGNORED_ON_HFS, '')
    .toLowerCase()
    .replace(/:.*$/u, '')
    .replace(/[. ]+$/u, '');
  return plain === '.git' || plain === 'git~1';
}
