import { z } from 'zod';
import type { Announcement } from './site.ts';
import type { State } from './state.ts';

const Subject = z.object({ number: z.number(), head: z.object({ sha: z.string() }).optional() });
const Payload = z.union([
  z.object({ pull_request: Subject }).transform((payload) => payload.pull_request),
  z.object({ issue: Subject }).transform((payload) => payload.issue),
]);

/** Keeps what is announced of issues and pull requests themselves, for the pages' conversations. */
export function recordHappening(state: State, at: number, { event, action, repository, sender, payload }: Announcement): void {
  if (event !== 'issues' && event !== 'pull_request') return;
  const { number, head } = Payload.parse(payload);
  state.happenings.push({ repository, number, action: action ?? '', actor: sender, at, headSha: head?.sha ?? null });
}
