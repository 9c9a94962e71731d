/** Evidence is a place in the diff or a command and its output; an objection without it never blocks. */
export type Evidence =
  | { readonly kind: 'lines'; readonly before: string; readonly after: string }
  | { readonly kind: 'command'; readonly name: string; readonly output: string };

export interface Finding {
  /** The guide's rule (`G1`…), or the gate's name. */
  readonly rule: string;
  readonly severity: 'blocking' | 'note';
  readonly path: string;
  /** 1-based, in the file after the change for side RIGHT, before it for LEFT; null when it concerns the whole file. */
  readonly line: number | null;
  readonly side: 'LEFT' | 'RIGHT';
  readonly claim: string;
  readonly evidence: Evidence | null;
  readonly source: 'gate' | 'verifier';
}

/** Blocking without evidence is a note (DESIGN.md §4). */
export function weigh(finding: Finding): Finding {
  return finding.severity === 'blocking' && finding.evidence === null ? { ...finding, severity: 'note' } : finding;
}
