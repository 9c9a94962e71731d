import type { Journal } from '../journal/journal.ts';
import type { SecretGuard } from '../secrets/secret-guard.ts';
import { openClients } from './client.ts';
import { contentsOf } from './contents.ts';
import { deliveriesOf, type Deliveries } from './deliveries.ts';
import { effectsMemory } from './effects.ts';
import type { Hub } from './hub.ts';
import type { RepositoryPlace } from './installation-auth.ts';
import { guardedHub } from './guarded-hub.ts';
import { openHub } from './open-hub.ts';
import type { GitHubTimings } from './timings.ts';

export interface HubsOptions {
  readonly appId: number;
  readonly privateKey: string;
  readonly apiUrl: string;
  /** Most contents (comments, pull requests, reviews) an hour for each owner. */
  readonly contentsPerHour: number;
  readonly timings: GitHubTimings;
  readonly journal: Journal;
  readonly markerSecret: string;
  /** Looks at all that is posted. */
  readonly secrets: Pick<SecretGuard, 'withhold'>;
  /** Told each token that GitHub gives. */
  readonly minted: (token: string) => void;
  /** Aborts when this process stops. */
  readonly signal: AbortSignal;
}

export interface Hubs {
  /** The repository on GitHub; effects go into `journal`, this process's own unless told (a driver's claim: `Journal.fenced`). */
  of(place: RepositoryPlace, journal?: Journal): Hub;
  readonly deliveries: Deliveries;
}

/** GitHub allows 80 (facts/github.md §5); its minutes do not begin when ours do. */
const CONTENTS_PER_MINUTE = 70;

/** All that this process says to GitHub goes through here: one pace for each owner, one memory of what is being done. */
export function openHubs(options: HubsOptions): Hubs {
  const { appId, timings, journal: own, markerSecret, secrets, signal } = options;
  const contents = { perMinute: CONTENTS_PER_MINUTE, perHour: options.contentsPerHour };
  const clients = openClients({ ...options, contents, known: contentsOf(own) });
  const memory = effectsMemory(own);
  return {
    deliveries: deliveriesOf(clients.app),
    of: (place, journal = own) => {
      const { owner, repo } = place;
      // A driver's writes may wait for their turn longer than its claim lasts.
      const octokit = journal === own ? clients.repository(place) : clients.repository(place, () => journal.confirm());
      const hub = openHub({ owner, repo, octokit, journal, memory, timings, markerSecret, ownAppId: appId, signal });
      return guardedHub(hub, { secrets, journal });
    },
  };
}
