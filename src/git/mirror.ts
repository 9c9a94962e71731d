import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Overlay } from '../domain/change.ts';
import { ConvergeError, messageOf } from '../domain/errors.ts';
import { CatFile } from './cat-file.ts';
import { chain } from './chain.ts';
import { formatCommit } from './commit.ts';
import type { Signature } from './commit.ts';
import { DiffTree } from './diff.ts';
import { DEFAULT_SEARCH_PATH } from './environment.ts';
import { layer } from './layer.ts';
import { materialise } from './materialise.ts';
import { ObjectWriter } from './object-writer.ts';
import { checkId } from './objects.ts';
import { resolveRef, setRef, setRefs } from './refs.ts';
import { RemoteGit } from './remote.ts';
import { plumbing, plumbingText, requireGit } from './spawn.ts';
import type { GitPlace } from './spawn.ts';
import { dropDangling, takeOver } from './stale.ts';
import { TreeWorkspace } from './tree-workspace.ts';
import { Trees } from './trees.ts';
import type { CommitSpec, FileDiff, DeleteResult, Link, PushResult, Remote, Repository, Tip, Workspace } from './workspace.ts';

export interface RepositoryOptions {
  /** Of the bare repository; made when it is not there. One process uses it, and opens it once. */
  readonly directory: string;
  readonly remote: Remote;
  /** Author and committer of every commit. */
  readonly bot: Signature;
  /** Where git is looked up, like PATH. */
  readonly searchPath?: string;
}

/** Opens a repository's mirror, whatever a killed process left there. ConvergeError of kind `git` when git is missing or too old. */
export async function openRepository(options: RepositoryOptions): Promise<Repository> {
  const place = { directory: resolve(options.directory), searchPath: options.searchPath ?? DEFAULT_SEARCH_PATH };
  await requireGit(place.searchPath);
  const remote = new RemoteGit(place, options.remote);
  try {
    await mkdir(place.directory, { recursive: true });
    await takeOver(place.directory);
  } catch (error) {
    throw new ConvergeError(
      'git',
      `The mirror's directory cannot be used: ${messageOf(error)}. Make it writable for Converge, or set DATA_DIR to a directory that is.`,
      { cause: error },
    );
  }
  await plumbing(place, ['init', '--quiet', '--bare', '--template=', '--initial-branch=converge-empty']);
  await dropDangling(place);
  return new Mirror(place, { remote, bot: options.bot });
}

class Mirror implements Repository {
  readonly #place: GitPlace;
  readonly #remote: RemoteGit;
  readonly #bot: Signature;
  readonly #blobs: CatFile;
  readonly #diffs: DiffTree;
  readonly #trees: Trees;
  readonly #writer: ObjectWriter;

  constructor(place: GitPlace, parts: { readonly remote: RemoteGit; readonly bot: Signature }) {
    this.#place = place;
    this.#remote = parts.remote;
    this.#bot = parts.bot;
    this.#blobs = new CatFile(place);
    this.#diffs = new DiffTree(place);
    this.#trees = new Trees(this.#blobs);
    this.#writer = new ObjectWriter(join(place.directory, 'objects'), () => this.#trees.forget());
  }

  async pin({
    run,
    commit,
  }: {
    readonly run: string;
    readonly commit: string;
  }): Promise<{ readonly commit: string; readonly tree: string }> {
    const ref = `refs/converge/${checkRun(run)}/base`;
    if (!(await this.#hasCommit(commit))) await this.#fetchCommit(run, commit);
    await this.setRef(ref, commit);
    return { commit, tree: await this.treeOf(commit) };
  }

  async remoteHead(branch: string): Promise<string | null> {
    return this.#remote.head(await this.#checkBranch(branch));
  }

  async fetchBranch({ run, branch }: { readonly run: string; readonly branch: string }): Promise<string | null> {
    const head = await this.remoteHead(branch);
    if (head === null) return null;
    const ref = `refs/converge/${checkRun(run)}/remote/${branch}`;
    if (await this.#hasCommit(head)) await this.setRef(ref, head);
    else await this.#remote.fetch([`+refs/heads/${branch}:${ref}`], 'all');
    return plumbingText(this.#place, ['rev-parse', '--verify', ref]);
  }

  async has(id: string): Promise<boolean> {
    return (await this.#blobs.read(id)) !== null;
  }

  async treeOf(commit: string): Promise<string> {
    const found = await this.#blobs.read(commit);
    const tree = found?.type === 'commit' ? /^tree ([0-9a-f]{40})$/mu.exec(found.bytes.toString('latin1'))?.[1] : undefined;
    if (tree === undefined) throw new ConvergeError('git', `The commit ${commit} is not in the mirror. Pin or fetch it first.`);
    return tree;
  }

  workspace(tree: string): Workspace {
    return new TreeWorkspace({ place: this.#place, writer: this.#writer, blobs: this.#blobs, trees: this.#trees }, tree);
  }

  async layer(tree: string, overlays: readonly Overlay[]): Promise<string> {
    return layer({ trees: this.#trees, writer: this.#writer }, tree, overlays);
  }

  async diff(from: string, to: string): Promise<readonly FileDiff[]> {
    return this.#diffs.diff(checkId(from), checkId(to));
  }

  async merge({
    base,
    ours,
    theirs,
  }: {
    readonly base: string;
    readonly ours: string;
    readonly theirs: string;
  }): ReturnType<Repository['merge']> {
    // git before 2.40 merges commits only; these are the same for the same trees, so that they are written once.
    const spec = { message: 'merged by Converge', date: '2000-01-01T00:00:00Z' };
    const root = await this.commit({ ...spec, tree: base, parents: [] });
    const [left, right] = await Promise.all([ours, theirs].map(async (tree) => this.commit({ ...spec, tree, parents: [root] })));
    const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', left ?? '', right ?? ''];
    const { exitCode, stdout } = await plumbing(this.#place, args, { codes: [0, 1] });
    const [tree = '', ...names] = stdout.toString('utf8').split('\0');
    if (exitCode === 0) return { kind: 'tree', tree: checkId(tree.trim()) };
    return { kind: 'conflict', paths: [...new Set(names.filter((name) => name !== ''))].sort() };
  }

  async commit(spec: CommitSpec): Promise<string> {
    const writing = this.#writer.begin();
    const body = formatCommit(spec, this.#bot);
    await this.#trees.entries(spec.tree);
    const commit = writing.add('commit', body);
    await writing.settled();
    return commit;
  }

  async chain(onto: Tip, links: readonly Link[]): Promise<readonly Tip[]> {
    return chain({ trees: this.#trees, writer: this.#writer }, onto, { links, by: this.#bot });
  }

  async resolve(ref: string): Promise<string | null> {
    return resolveRef(this.#place, ref);
  }

  async setRef(ref: string, commit: string): Promise<void> {
    await setRef(this.#place, ref, commit);
  }

  async setRefs(refs: readonly { readonly ref: string; readonly commit: string }[]): Promise<void> {
    await setRefs(this.#place, refs);
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    if (await this.#reaches(ancestor, descendant)) return true;
    const cut: string[] = [];
    for (const commit of await this.#shallow()) if (await this.#reaches(commit, descendant)) cut.push(commit);
    if (cut.length === 0) return false;
    // History was cut off below the descendant, so that only the whole of it can say no.
    await this.#remote.deepen(cut);
    return this.#reaches(ancestor, descendant);
  }

  async commitsBetween(from: string, to: string): ReturnType<Repository['commitsBetween']> {
    // A commit that a person amended or moved keeps its author: whose it is, its committer says.
    const format = '--format=%H%x1f%an%x1f%ae%x1f%ce%x1f%cn%x1f%s';
    const text = await plumbingText(this.#place, [
      'log',
      '--reverse',
      '--topo-order',
      '-z',
      '--no-show-signature',
      format,
      `${checkId(from)}..${checkId(to)}`,
      '--',
    ]);
    return text.split('\0').flatMap((line) => {
      const [id = '', author = '', email = '', committerEmail = '', committer = '', subject = ''] = line.split('\u001f');
      return id === '' ? [] : [{ id, author, email, committer, committerEmail, subject }];
    });
  }

  async push({ commit, branch }: { readonly commit: string; readonly branch: string }): Promise<PushResult> {
    const before = await this.remoteHead(branch);
    if (before === checkId(commit)) return { kind: 'already' };
    if (before !== null && !((await this.#hasCommit(before)) && (await this.#reaches(before, commit))))
      return { kind: 'moved', remote: before };
    const refused = await this.#remote.push(commit, branch);
    if (refused === null) return { kind: 'pushed' };
    const after = await this.remoteHead(branch);
    // The answer may have been lost on its way while the push was taken.
    if (after === commit) return { kind: 'pushed' };
    return after === before ? { kind: 'refused', reason: refused } : { kind: 'moved', remote: after };
  }

  async deleteBranch({ branch, commit }: { readonly branch: string; readonly commit: string }): Promise<DeleteResult> {
    const before = await this.remoteHead(branch);
    if (before === null) return { kind: 'gone' };
    if (before !== checkId(commit)) return { kind: 'moved', remote: before };
    const refused = await this.#remote.delete(branch, commit);
    if (refused === null) return { kind: 'deleted' };
    const after = await this.remoteHead(branch);
    // The answer may have been lost on its way while the deletion was taken.
    if (after === null) return { kind: 'deleted' };
    return after === before ? { kind: 'refused', reason: refused } : { kind: 'moved', remote: after };
  }

  async materialise(tree: string, directory: string): Promise<void> {
    await materialise({ blobs: this.#blobs, trees: this.#trees }, tree, directory);
  }

  async release(run: string): Promise<void> {
    const scopes = [`refs/converge/${checkRun(run)}`, `refs/heads/converge-shards/${run}`, `refs/heads/converge/${run}`];
    const refs = (await plumbingText(this.#place, ['for-each-ref', '--format=%(refname)', ...scopes]))
      .split('\n')
      .filter((ref) => ref !== '');
    await plumbing(this.#place, ['update-ref', '--stdin', '-z'], { input: refs.map((ref) => `delete ${ref}\0\0`).join('') });
  }

  async close(): Promise<void> {
    await Promise.all([this.#blobs.close(), this.#diffs.close()]);
  }

  /** That commit alone, or else, where the server gives no single commits, all its branches. */
  async #fetchCommit(run: string, commit: string): Promise<void> {
    try {
      await this.#remote.fetch([`+${checkId(commit)}:refs/converge/${run}/base`], 1);
    } catch (error) {
      if (
        !(error instanceof ConvergeError) ||
        error.retry === 'later' ||
        !/not our ref|unadvertised object|no such remote ref/iu.test(error.detail ?? '')
      )
        throw error;
      await this.#remote.fetch([`+refs/heads/*:refs/converge/${run}/all/*`], 'all');
      if (await this.#hasCommit(commit)) return;
      throw new ConvergeError(
        'git',
        `The commit ${commit} is not in the repository any more: its branch was rewritten or deleted. Start again from a commit that is there.`,
        { cause: error },
      );
    }
  }

  async #hasCommit(commit: string): Promise<boolean> {
    return (await this.#blobs.read(commit))?.type === 'commit';
  }

  async #reaches(ancestor: string, descendant: string): Promise<boolean> {
    const { exitCode } = await plumbing(this.#place, ['merge-base', '--is-ancestor', checkId(ancestor), checkId(descendant)], {
      codes: [0, 1],
    });
    return exitCode === 0;
  }

  async #shallow(): Promise<readonly string[]> {
    const text = await readFile(join(this.#place.directory, 'shallow'), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  async #checkBranch(branch: string): Promise<string> {
    const { exitCode } = await plumbing(this.#place, ['check-ref-format', `refs/heads/${branch}`], { codes: [0, 1] });
    if (exitCode !== 0 || branch.startsWith('-'))
      throw new ConvergeError('git', `\`${branch.slice(0, 200)}\` cannot be the name of a branch.`);
    return branch;
  }
}

function checkRun(run: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/u.test(run))
    throw new ConvergeError('git', `A run's id holds letters, digits and \`-\`; found \`${run.slice(0, 80)}\`.`);
  return run;
}
