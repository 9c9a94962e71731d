import { hash } from 'node:crypto';

/** What comes before the first line. */
const NOTHING = '';

/** Writes lines of JSON (also for readers to whom U+2028 ends one), each with a hash over itself and those before (`chain`): whoever changes, takes out or slips in a line later is seen. */
export function chained(): (facts: object) => string {
  let before = NOTHING;
  return (facts) => {
    const text = JSON.stringify(facts)
      .replaceAll('\u2028', String.raw`\u2028`)
      .replaceAll('\u2029', String.raw`\u2029`);
    before = hash('sha256', before + text);
    return `${text.slice(0, -1)}${text === '{}' ? '' : ','}"chain":"${before}"}`;
  };
}

export type Checked =
  /** `head`: the hash of the last line, to be compared with one that was kept elsewhere. */
  | { readonly kind: 'whole'; readonly lines: number; readonly head: string }
  /** `line` is 1-based. */
  | { readonly kind: 'broken'; readonly line: number; readonly why: string };

const CHAIN = /,?"chain":"(?<chain>[0-9a-f]{64})"\}$/u;

/** Checks a file of such lines; names the first that does not fit. The last one must be that of `end`, so that a cut is seen. */
export async function checkChain(lines: AsyncIterable<string>): Promise<Checked> {
  let before = NOTHING;
  let count = 0;
  let last = '';
  for await (const line of lines) {
    count += 1;
    const said = CHAIN.exec(line);
    if (said?.groups === undefined) return { kind: 'broken', line: count, why: 'found no hash at its end, expected that of the line' };
    before = hash('sha256', `${before}${line.slice(0, said.index)}}`);
    if (before !== said.groups['chain'])
      return { kind: 'broken', line: count, why: 'its hash is not that of the line and of those before it' };
    last = line;
  }
  if (!last.startsWith(END))
    return { kind: 'broken', line: count + 1, why: 'found the end of the file, expected more: its last line is missing' };
  return { kind: 'whole', lines: count, head: before };
}

/** How the last line begins; `endOf` makes it. */
const END = '{"what":"end",';

export function endOf(facts: object): object {
  return { what: 'end', ...facts };
}
