/**
 * Raised when the index tables or their projection change: a journal with a lower number is rebuilt from its events when it is opened.
 * Kept in SQLite's `user_version`.
 */
export const INDEX_VERSION = 2;

/** What cannot be made again from anything else. `event.id` is the order of the whole journal, `event.n` the place in its scope. */
export const CONTENT_TABLES = `
  CREATE TABLE IF NOT EXISTS run (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, trigger_key TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY, scope TEXT NOT NULL, n INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (scope, n)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS checkpoint (
    place INTEGER PRIMARY KEY, run TEXT NOT NULL, agent TEXT NOT NULL, n INTEGER NOT NULL, part TEXT NOT NULL, data TEXT NOT NULL, overlay TEXT NOT NULL,
    UNIQUE (run, agent, n, part)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS received (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, payload TEXT) STRICT;
`;

export const INDEX_NAMES = ['status', 'step', 'call', 'effect', 'signal', 'spend', 'balance'] as const;

/** Numbers named `*_n` are places of events in the scope: content stands in its event, once. */
export const INDEX_TABLES = `
  CREATE TABLE status (run TEXT PRIMARY KEY, status TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE step (run TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, name)) STRICT, WITHOUT ROWID;
  CREATE TABLE call (
    run TEXT NOT NULL, key TEXT NOT NULL, issued_n INTEGER NOT NULL, seq INTEGER, settled_n INTEGER, PRIMARY KEY (run, key)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX call_by_issue ON call (run, issued_n);
  CREATE UNIQUE INDEX call_by_seq ON call (run, seq) WHERE seq IS NOT NULL;
  CREATE TABLE effect (
    scope TEXT NOT NULL, key TEXT NOT NULL, intended_n INTEGER NOT NULL, done_n INTEGER, PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE signal (run TEXT NOT NULL, id TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, id)) STRICT, WITHOUT ROWID;
  CREATE TABLE spend (
    run TEXT NOT NULL, id TEXT NOT NULL, reserved_n INTEGER NOT NULL, charged_n INTEGER, PRIMARY KEY (run, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX spend_open ON spend (run, reserved_n) WHERE charged_n IS NULL;
  CREATE TABLE balance (
    account TEXT PRIMARY KEY, dollars INTEGER NOT NULL, tokens INTEGER NOT NULL, turns INTEGER NOT NULL,
    reserved_dollars INTEGER NOT NULL, reserved_tokens INTEGER NOT NULL, reserved_turns INTEGER NOT NULL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write_5m INTEGER NOT NULL, cache_write_1h INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
