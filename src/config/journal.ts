import { z } from 'zod';
import { needs } from './mistakes.ts';
import { text } from './values.ts';

const DATABASE = needs('the address of a Postgres', 'Give one such as postgres://user@host/converge');

/** Where the journal is, and all else that is kept. */
export const JOURNAL = {
  DATA_DIR: text.default('./data'),
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/u, error: DATABASE }).optional(),
};

/** A worker gets its work from the database. */
export const WORKER_JOURNAL = { ...JOURNAL, DATABASE_URL: JOURNAL.DATABASE_URL.unwrap() };
