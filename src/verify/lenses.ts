import { loadPrompt } from '../agents/prompt.ts';

/** What verifiers look through, in the order in which a panel grows. */
export const LENSES = ['behaviour', 'guide', 'tests', 'scope'] as const;
export type Lens = (typeof LENSES)[number];

const TEXTS: Readonly<Record<Lens, string>> = {
  behaviour: loadPrompt(import.meta.url, './verifier-lenses/behaviour.md'),
  guide: loadPrompt(import.meta.url, './verifier-lenses/guide.md'),
  tests: loadPrompt(import.meta.url, './verifier-lenses/tests.md'),
  scope: loadPrompt(import.meta.url, './verifier-lenses/scope.md'),
};

export function lensText(lens: Lens): string {
  return TEXTS[lens];
}

/** One seat of a panel. `name` is unique in it: `behaviour`, and `behaviour-2` for a second verifier with the same lens. */
export interface Seat {
  readonly name: string;
  readonly lens: Lens;
}

/**
 * The panel for `reviewers` verifiers: the lenses that a panel of `least` always has, then those asked for, then the others in order, then again from the first.
 * Asking for lenses can only add to what the plan's panel looks at.
 */
export function panelOf(options: {
  readonly least: number;
  readonly reviewers: number;
  readonly lenses: readonly Lens[];
}): readonly Seat[] {
  const { least, reviewers, lenses } = options;
  const ordered = [...new Set([...LENSES.slice(0, least), ...lenses, ...LENSES])];
  const seats = Math.max(reviewers, least, new Set([...LENSES.slice(0, least), ...lenses]).size);
  return Array.from({ length: seats }, (_, index) => {
    const lens = ordered[index % ordered.length] ?? 'behaviour';
    const again = Math.floor(index / ordered.length);
    return { name: again === 0 ? lens : `${lens}-${again + 1}`, lens };
  });
}
