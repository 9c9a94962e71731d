const KINDS = ['requests', 'tokens', 'input-tokens', 'output-tokens'] as const;
/** What a limit counts. */
export type Kind = (typeof KINDS)[number];

/** One limit as a response told it. `resetMs`: until it is whole again, from the response on; null when not told. */
export interface Rate {
  readonly kind: Kind;
  readonly limit: number;
  readonly remaining: number;
  readonly resetMs: number | null;
}

/** The `anthropic-ratelimit-*` headers of any response, refused ones included (facts/claude.md §10); what is missing or no number is left out. */
export function ratesOf(headers: Headers): readonly Rate[] {
  return KINDS.flatMap((kind): readonly Rate[] => {
    const read = (part: string): string => headers.get(`anthropic-ratelimit-${kind}-${part}`) ?? '';
    const limit = Number.parseFloat(read('limit'));
    if (!(limit > 0)) return [];
    const remaining = Number.parseFloat(read('remaining'));
    if (!(remaining >= 0)) return [];
    const reset = Date.parse(read('reset')) - (Date.parse(headers.get('date') ?? '') || Date.now());
    return [{ kind, limit, remaining, resetMs: Number.isNaN(reset) ? null : Math.max(0, reset) }];
  });
}
