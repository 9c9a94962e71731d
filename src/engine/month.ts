interface MonthParts {
  /** Called when another calendar month (UTC) has begun since it was last looked at. */
  readonly begun: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Default: a minute. */
  readonly everyMs?: number;
  /** Default: the system's clock. */
  readonly now?: () => Date;
}

/** Looks again and again whether a new month has begun, since a timer cannot wait that long. */
export function watchMonths({ begun, signal, everyMs = 60_000, now = () => new Date() }: MonthParts): void {
  const month = (): string => now().toISOString().slice(0, 7);
  let known = month();
  const timer = setInterval(() => {
    if (month() === known) return;
    known = month();
    begun();
  }, everyMs);
  timer.unref();
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
}
