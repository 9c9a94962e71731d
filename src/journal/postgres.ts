import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Task } from './draft.ts';
import type { CallOutcome, Claim, Journal, TakenCall } from './journal.ts';
import { PostgresCommits } from './postgres-commits.ts';
import { Connection } from './postgres-connection.ts';
import { isFault, throughFaults, unanswered } from './postgres-faults.ts';
import { News } from './postgres-news.ts';
import { prepareTables, rebuildIndexes } from './postgres-tables.ts';
import { Together, type SqlTransaction } from './postgres-together.ts';
import type { Query } from './statement.ts';
import { NOTHING, settle, takeCall, takeClaim, underClaim } from './tasks.ts';
import { Verbs } from './verbs.ts';

export interface PostgresJournal extends Journal {
  /** The newest claim of a run (`key` null) or of one of its calls; whoever held it before writes no more. `owner` is for people who look. */
  takeClaim(holder: { readonly run: string; readonly key: string | null; readonly owner: string }): Promise<Claim>;
  /** The same of a call that is still to be carried out, with the call; null when it is settled or unknown, or its run has ended. */
  takeCall(holder: { readonly run: string; readonly key: string; readonly owner: string }): Promise<TakenCall | null>;
  fenced(claim: Claim): PostgresJournal;
  /**
   * `settle` and somebody else's SQL in one transaction, e.g. a delivery's completion: both or neither. `also` is called whether or not the call was settled before;
   * what it throws undoes both. It may be called again after a lost connection, must not ask this journal for anything meanwhile, and has seconds, not minutes.
   */
  settleWith(
    settled: { readonly run: string; readonly key: string; readonly outcome: CallOutcome },
    also: (tx: SqlTransaction) => Promise<void>,
  ): Promise<number>;
  /** Somebody else's SQL alone, as in `settleWith`; behind a fence only while the claim is the newest. */
  transaction<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T>;
  /** Makes the index tables again from the events alone. */
  rebuild(): Promise<void>;
}

/**
 * Opens the journal in schema `converge` of that database, for any number of processes. `clock` dates the events; the system's unless told.
 * Ends in a ConvergeError of kind `journal` when the server cannot be reached or used, or a newer Converge wrote there. The URL's password is in no message.
 */
export async function openPostgresJournal(options: { readonly url: string; readonly clock?: () => Date }): Promise<PostgresJournal> {
  const { url, clock = () => new Date() } = options;
  const reader = new Connection(url);
  const told = new News(url, reader);
  try {
    await throughFaults(async () => prepareTables(await reader.client()), OPENING_MS);
    await told.open();
  } catch (thrown) {
    await told.close();
    await reader.close();
    throw thrown instanceof ConvergeError ? thrown : unusable(url, thrown);
  }
  const committed = (events: readonly StoredEvent[]): void => told.committed(events);
  const commits = new PostgresCommits({ url, clock, committed });
  const together = new Together({ url, clock, committed });
  return new Postgres({ url, reader, told, commits, together });
}

/** How long a server may take to come up beside us. */
const OPENING_MS = 10_000;

function unusable(url: string, thrown: unknown): ConvergeError {
  const place = URL.canParse(url) ? `${new URL(url).host}${new URL(url).pathname}` : 'DATABASE_URL';
  return new ConvergeError(
    'journal',
    `The journal's Postgres at ${place} cannot be used: ${messageOf(thrown)}. Expected a server of version 14 or newer, and a user who may create the schema converge there. Check DATABASE_URL.`,
    { cause: thrown },
  );
}

interface Parts {
  readonly url: string;
  readonly reader: Connection;
  readonly told: News;
  readonly commits: PostgresCommits;
  readonly together: Together;
}

class Postgres extends Verbs implements PostgresJournal {
  readonly #parts: Parts;
  readonly #claim: Claim | null;

  constructor(parts: Parts, claim: Claim | null = null) {
    super();
    this.#parts = parts;
    this.#claim = claim;
  }

  protected override write<T>(task: Task<T>): Promise<T> {
    return this.#parts.commits.write(this.#underClaim(task));
  }

  protected override async rows<T>(query: Query<T>): Promise<readonly T[]> {
    try {
      return await throughFaults(() => this.#parts.reader.rows(query));
    } catch (thrown) {
      throw isFault(thrown) ? unanswered(thrown) : thrown;
    }
  }

  override watch(scope: string | null, listener: (event: StoredEvent) => void): () => void {
    return this.#parts.told.watch(scope, listener);
  }

  override fenced(claim: Claim): PostgresJournal {
    return new Postgres(this.#parts, claim);
  }

  override async confirm(): Promise<void> {
    if (this.#claim !== null) await this.write(NOTHING);
  }

  takeClaim(holder: { readonly run: string; readonly key: string | null; readonly owner: string }): Promise<Claim> {
    return this.#parts.commits.write(takeClaim(holder));
  }

  takeCall(holder: { readonly run: string; readonly key: string; readonly owner: string }): Promise<TakenCall | null> {
    return this.#parts.commits.write(takeCall(holder));
  }

  async settleWith(
    { run, key, outcome }: { readonly run: string; readonly key: string; readonly outcome: CallOutcome },
    also: (tx: SqlTransaction) => Promise<void>,
  ): Promise<number> {
    return (await this.#parts.together.commit(this.#underClaim(settle(run, key, outcome)), also)).value;
  }

  async transaction<T>(work: (tx: SqlTransaction) => Promise<T>): Promise<T> {
    return (await this.#parts.together.commit(this.#underClaim(NOTHING), work)).also;
  }

  async rebuild(): Promise<void> {
    // Not among the reads of others: it is one transaction.
    const own = new Connection(this.#parts.url);
    try {
      await throughFaults(async () => rebuildIndexes(await own.client()));
    } finally {
      await own.close();
    }
  }

  override async close(): Promise<void> {
    await this.#parts.commits.close();
    await this.#parts.together.close();
    await this.#parts.told.close();
    await this.#parts.reader.close();
  }

  #underClaim<T>(task: Task<T>): Task<T> {
    return this.#claim === null ? task : underClaim(this.#claim, task);
  }
}
