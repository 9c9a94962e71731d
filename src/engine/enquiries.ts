/** Questions between processes, each answered by one of those that can. Both are kept in the database for a minute at most: a secret must be sealed. */
export interface Enquiries {
  /** Answers every question of that name, one after the other; a handler that throws is asked again. */
  answer(name: string, answer: (question: unknown) => Promise<object>): Promise<void>;
  /** Ends in a ConvergeError of kind `journal`, to be tried later, when nobody answers within a minute. */
  ask(name: string, question: object): Promise<unknown>;
}
