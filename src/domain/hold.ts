/** The word of a person that a run waits until somebody says go on. */
export interface Held {
  readonly by: string;
}

interface Said {
  readonly name: string;
  readonly by: string;
}

/** Whether the run is held: by the last `pause`, unless somebody said `resume` or `stop` since. Signals in the order in which they came. */
export function heldBy(signals: readonly Said[]): Held | null {
  const last = signals.findLast(({ name }) => name === 'pause' || name === 'resume' || name === 'stop');
  return last?.name === 'pause' ? { by: last.by } : null;
}

/** What people read of a run that is held. */
export function heldText({ by }: Held): string {
  return `Paused by @${by}. No agent asks the model anything; what is finished is kept. \`/workflow resume\` goes on, \`/workflow stop\` ends the run.`;
}
