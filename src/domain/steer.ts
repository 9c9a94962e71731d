import type { Amendment } from './amendment.ts';

/** What a person who may approve said to every agent of a run. */
export interface Steer {
  /** The comment's id. */
  readonly id: string;
  readonly by: string;
  readonly text: string;
}

interface Made {
  readonly id: string;
  readonly by: string;
  readonly amendment: Amendment;
}

/** The steers among a run's amendments, in order; one for each comment. */
export function steersIn(amendments: readonly Made[]): readonly Steer[] {
  const said = new Map<string, Steer>();
  for (const { id, by, amendment } of amendments)
    if (amendment.kind === 'steer' && !said.has(id)) said.set(id, { id, by, text: amendment.text });
  return [...said.values()];
}
