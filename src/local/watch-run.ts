import { setTimeout as wait } from 'node:timers/promises';
import type { RunFacts, Scene } from './scene.ts';
import type { Terminal } from './terminal.ts';

export interface Watching {
  readonly scene: Scene;
  readonly run: string;
  readonly terminal: Terminal;
  /** Asked once for each plan that waits; true when it was answered. */
  readonly onPlan: (facts: RunFacts) => Promise<void>;
}

const ENDS = new Set(['completed', 'partial', 'failed', 'stopped']);
const LOOK_MS = 200;
/** The App may be away for a moment, while it starts again; not for good. */
const MOST_SILENCE_MS = 60_000;

/** Looks at the run until it ends or pauses, and shows it. Throws when the App stays silent. */
export async function watchRun({ scene, run, terminal, onPlan }: Watching): Promise<RunFacts> {
  const answered = new Set<string>();
  let heard = Date.now();
  for (;;) {
    const facts = await scene.facts(run);
    if (facts === undefined) {
      if (Date.now() - heard > MOST_SILENCE_MS) throw new Error(`The App told nothing of run ${run} for a minute; its log says why.`);
    } else {
      heard = Date.now();
      terminal.show(facts);
      if (ENDS.has(facts.status) || facts.status === 'paused') return facts;
      if (facts.planHash !== null && facts.waitsForApproval && !answered.has(facts.planHash)) {
        answered.add(facts.planHash);
        await onPlan(facts);
      }
    }
    await wait(LOOK_MS);
  }
}
