import { ConvergeError, messageOf } from '../domain/errors.ts';
import type { StoredEvent } from '../domain/events.ts';
import type { Task } from './draft.ts';
import type { Claim, Journal } from './journal.ts';
import { PostgresCommits } from './postgres-commits.ts';
import { Connection } from './postgres-connection.ts';
import { isFault, throughFaults, unanswered } from './postgres-faults.ts';
import { News } from './postgres-news.ts';
import { prepareTables, rebuildIndexes } from './postgres-tables.ts';
import type { Query } from './statement.ts';
import { takeClaim, underClaim } from './tasks.ts';
import { Verbs } from './verbs.ts';

export interface PostgresJournal extends Journal {
  /** The newest claim of a run (`key` null) or of one of its calls; whoever held it before writes no more. `owner` is for people who look. */
  takeClaim(holder: { readonly run: string; readonly key: string | null; readonly owner: string }): Promise<Claim>;
  fenced(claim: Claim): PostgresJournal;
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
  const commits = new PostgresCommits({ url, clock, committed: (events) => told.committed(events) });
  return new Postgres({ reader, told, commits });
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
  readonly reader: Connection;
  readonly told: News;
  readonly commits: PostgresCommits;
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
    return this.#parts.commits.write(this.#claim === null ? task : underClaim(this.#claim, task));
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

  takeClaim(holder: { readonly run: string; readonly key: string | null; readonly owner: string }): Promise<Claim> {
    return this.#parts.commits.write(takeClaim(holder));
  }

  async rebuild(): Promise<void> {
    await rebuildIndexes(await this.#parts.reader.client());
  }

  override async close(): Promise<void> {
    await this.#parts.commits.close();
    await this.#parts.told.close();
    await this.#parts.reader.close();
  }
}
