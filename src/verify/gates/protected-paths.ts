import { z } from 'zod';
import { isPackageManifest, PACKAGE_KEYS } from '../../domain/check-files.ts';
import { failed, firstChange, passed, pathBefore, textOf } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';
import type { FileDiff } from '../../git/workspace.ts';
import { protection } from '../ownership.ts';

const NAME = 'protected-paths';

/** Protected paths, and what the plan's checks run, change only when the approved plan names them (invariant 5). */
export const protectedPaths: Gate = async (context) => {
  const touched = (
    await Promise.all(context.diff.map(async (file) => [...paths(context, file), ...(await scripts(context, file))]))
  ).flat();
  return touched.length === 0
    ? passed(NAME, 'no protected path changed')
    : failed(NAME, `protected: ${[...new Set(touched.map((objection) => objection.path))].join(', ')}`, touched);
};

function paths({ plan }: GateContext, file: FileDiff): readonly Objection[] {
  return [...new Set([file.path, pathBefore(file) ?? file.path])].flatMap((path) => {
    const glob = protection(plan, path);
    if (glob === null) return [];
    const claim = `${path} is protected (${glob}) and the approved plan does not name it. Put it back as it was.`;
    return [{ path, ...firstChange(file), claim }];
  });
}

const Manifest = z.record(z.string(), z.unknown());

/** The parts of a package.json that checks run, where the shard's task, or the guide, does not speak of them. */
async function scripts({ plan, shard, before, after }: GateContext, file: FileDiff): Promise<readonly Objection[]> {
  if (!isPackageManifest(file.path) || plan.draft.touchesProtected.includes(file.path)) return [];
  const old = pathBefore(file);
  const [was, is] = await Promise.all(
    [old === null ? null : textOf(before, old), textOf(after, file.path)].map(async (text) => manifestOf(await text)),
  );
  const said = shard.kind === 'inventory' ? plan.draft.guide.map(({ title, text }) => `${title} ${text}`) : [shard.task];
  const changed = PACKAGE_KEYS.filter((key) => JSON.stringify(was?.[key]) !== JSON.stringify(is?.[key]));
  const unnamed = changed.filter((key) => !said.some((words) => names(words, key)));
  if (unnamed.length === 0) return [];
  const claim = `${file.path}: ${unnamed.map((key) => `\`${key}\``).join(', ')} decides what checks run, and the approved plan does not name it as part of package.json. Put it back as it was.`;
  return [{ path: file.path, ...firstChange(file), claim }];
}

/** The key as a word of its own beside the file's name: `TypeScript`, `scripts/build.js` and `jest.config.js` name none. */
function names(words: string, key: string): boolean {
  const word = key === 'scripts' ? 'scripts?' : key;
  return /package\.json/iu.test(words) && new RegExp(`(?<![\\w/-])${word}(?![\\w/-]|\\.config)`, 'iu').test(words);
}

function manifestOf(text: string | null): Readonly<Record<string, unknown>> | null {
  try {
    return Manifest.parse(JSON.parse(text ?? ''));
  } catch {
    return null;
  }
}
