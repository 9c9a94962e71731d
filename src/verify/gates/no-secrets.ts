import type { FoundSecret } from '../../secrets/own-secrets.ts';
import { failed, passed, pathBefore } from '../gate.ts';
import type { Gate, GateContext, Objection } from '../gate.ts';

const NAME = 'no-secrets';

/** Secrets told of one change; the first few say enough. */
const MOST_TOLD = 20;

/**
 * No change brings a secret that the tree under it did not have. What was there before does not block, moved or not: test data with invented keys is everywhere,
 * and a key that was published is mended by revoking it. A finding never repeats what it found.
 */
export const noSecrets: Gate = async (context) => {
  const old = await textsBefore(context);
  const objections: Objection[] = [];
  for (const file of context.diff) {
    const text = file.status === 'deleted' ? '' : await bytesAsText(context.after, file.path);
    for (const secret of text === '' ? [] : await context.secrets.find(text)) {
      if (await wasThere(secret, old, context)) continue;
      objections.push(objection(file.path, { text, secret }));
    }
  }
  if (objections.length === 0) return passed(NAME, 'none added');
  return failed(NAME, `new secrets: ${[...new Set(objections.map(({ path }) => path))].join(', ')}`, objections.slice(0, MOST_TOLD));
};

/** Binary files too: latin1 keeps ASCII where it stands. */
async function bytesAsText(workspace: GateContext['after'], path: string): Promise<string> {
  const read = await workspace.read(path);
  if (read.kind !== 'file') return '';
  const text = read.bytes.toString('utf8');
  return text.includes('\uFFFD') ? read.bytes.toString('latin1') : text;
}

async function textsBefore({ diff, before }: GateContext): Promise<readonly string[]> {
  const paths = diff.map(pathBefore).filter((path) => path !== null);
  return Promise.all(paths.map((path) => bytesAsText(before, path)));
}

/** In the files that changed, or anywhere else in the tree under the change. */
async function wasThere({ text }: FoundSecret, old: readonly string[], { before }: GateContext): Promise<boolean> {
  const needle = needleOf(text);
  if (old.some((one) => one.includes(needle))) return true;
  const line = needle.split('\n').reduce((longest, one) => (one.length > longest.length ? one : longest), '');
  const { matches } = await before.grep(line.slice(0, 500).replaceAll(/[^\w\s]/gu, '\\$&'), { limit: 1 });
  return matches.length > 0;
}

/** Of an address with a password, who may enter is the secret: another scheme, host or database before the same one brings nothing new. */
function needleOf(secret: string): string {
  return /:\/\/([^\s/@]+:[^\s/@]+@)/u.exec(secret)?.[1] ?? secret;
}

function objection(path: string, { text, secret }: { readonly text: string; readonly secret: FoundSecret }): Objection {
  const line = text.slice(0, text.indexOf(secret.text)).split('\n').length;
  return {
    path,
    line,
    side: 'RIGHT',
    claim: `Line ${line} brings what looks like a secret (${secret.what}) that was nowhere before. Take it out: leave what was there, or read it from where the program gets its configuration; an example must be one that nobody takes for real.`,
    evidence: { kind: 'command', name: NAME, output: `${secret.what} at ${path}:${line}; what was found is not repeated` },
  };
}
