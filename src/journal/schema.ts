/**
 * Raised when the index tables or their projection change: a journal with a lower number is rebuilt from its events when it is opened.
 * Kept in SQLite's `user_version`, in Postgres in the table `version`.
 */
export const INDEX_VERSION = 4;

/** The words in which the two databases differ. */
export interface Dialect {
  /** Text that is compared and ordered by its bytes. */
  readonly text: string;
  /** A number that may be greater than 2³¹. */
  readonly big: string;
  /** A key that grows with each row. */
  readonly place: string;
  /** What ends the definition of a table, and of one whose rows stand in the order of its key. */
  readonly table: string;
  readonly keyed: string;
}

export const SQLITE: Dialect = {
  text: 'TEXT',
  big: 'INTEGER',
  place: 'INTEGER PRIMARY KEY',
  table: ' STRICT',
  keyed: ' STRICT, WITHOUT ROWID',
};

export const POSTGRES: Dialect = {
  text: 'TEXT COLLATE "C"',
  big: 'BIGINT',
  place: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
  table: '',
  keyed: '',
};

/**
 * What cannot be made again from anything else. `event.id` is the order of the whole journal, `event.n` the place in its scope, `event.seal` is of seal.ts, and null in events of
 * versions without.
 */
export function contentTables({ text, place, table }: Dialect): string {
  return `
  CREATE TABLE IF NOT EXISTS run (place ${place}, id ${text} NOT NULL UNIQUE, trigger_key ${text} NOT NULL UNIQUE)${table};
  CREATE TABLE IF NOT EXISTS event (
    id ${place}, scope ${text} NOT NULL, n INTEGER NOT NULL, at ${text} NOT NULL, body TEXT NOT NULL, seal ${text}, UNIQUE (scope, n)
  )${table};
  CREATE TABLE IF NOT EXISTS checkpoint (
    place ${place}, run ${text} NOT NULL, agent ${text} NOT NULL, n INTEGER NOT NULL, part ${text} NOT NULL, data TEXT NOT NULL, overlay TEXT NOT NULL,
    UNIQUE (run, agent, n, part)
  )${table};
  CREATE TABLE IF NOT EXISTS received (place ${place}, id ${text} NOT NULL UNIQUE, payload TEXT)${table};
`;
}

/** For tables of versions without seals. Versions up to 2 write no more then: `INDEX_VERSION` refuses them. */
export function addSeals({ text }: Dialect): string {
  return `ALTER TABLE event ADD COLUMN seal ${text}`;
}

/**
 * Where several processes write. `claim`: who holds a run (key '') or one of its calls; `attempt` grows with each holder. `writer`: the last group of commits of each
 * process, so that a commit whose answer was lost can be looked up.
 */
export function sharedTables({ text, big }: Dialect): string {
  return `
  CREATE TABLE IF NOT EXISTS claim (
    run ${text} NOT NULL, key ${text} NOT NULL, attempt INTEGER NOT NULL, owner ${text} NOT NULL, PRIMARY KEY (run, key)
  );
  CREATE TABLE IF NOT EXISTS writer (id ${text} PRIMARY KEY, number ${big} NOT NULL);
  CREATE TABLE IF NOT EXISTS version (number INTEGER NOT NULL);
`;
}

export const INDEX_NAMES = ['status', 'step', 'call', 'effect', 'signal', 'spend', 'balance', 'agent', 'work'] as const;

/** Numbers named `*_n` are places of events in the scope: content stands in its event, once. */
export function indexTables({ text, big, keyed }: Dialect): string {
  return `
  CREATE TABLE status (run ${text} PRIMARY KEY, status ${text} NOT NULL)${keyed};
  CREATE TABLE step (run ${text} NOT NULL, name ${text} NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, name))${keyed};
  CREATE TABLE call (
    run ${text} NOT NULL, key ${text} NOT NULL, issued_n INTEGER NOT NULL, seq INTEGER, settled_n INTEGER, PRIMARY KEY (run, key)
  )${keyed};
  CREATE UNIQUE INDEX call_by_issue ON call (run, issued_n);
  CREATE UNIQUE INDEX call_by_seq ON call (run, seq) WHERE seq IS NOT NULL;
  CREATE TABLE effect (
    scope ${text} NOT NULL, key ${text} NOT NULL, intended_n INTEGER NOT NULL, done_n INTEGER, PRIMARY KEY (scope, key)
  )${keyed};
  CREATE TABLE signal (run ${text} NOT NULL, id ${text} NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, id))${keyed};
  CREATE TABLE spend (
    run ${text} NOT NULL, id ${text} NOT NULL, reserved_n INTEGER NOT NULL, charged_n INTEGER, PRIMARY KEY (run, id)
  )${keyed};
  CREATE INDEX spend_open ON spend (run, reserved_n) WHERE charged_n IS NULL;
  CREATE TABLE balance (
    account ${text} PRIMARY KEY, dollars ${big} NOT NULL, tokens ${big} NOT NULL, turns ${big} NOT NULL, agents ${big} NOT NULL, hours ${big} NOT NULL,
    reserved_dollars ${big} NOT NULL, reserved_tokens ${big} NOT NULL, reserved_turns ${big} NOT NULL,
    input ${big} NOT NULL, output ${big} NOT NULL, cache_read ${big} NOT NULL, cache_write_5m ${big} NOT NULL, cache_write_1h ${big} NOT NULL
  )${keyed};
  CREATE TABLE agent (run ${text} NOT NULL, id ${text} NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (run, id))${keyed};
  CREATE TABLE work (run ${text} PRIMARY KEY, owner ${text} NOT NULL, repo ${text} NOT NULL, approved INTEGER NOT NULL, since ${text})${keyed};
`;
}
