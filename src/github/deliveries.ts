import type { Octokit } from '@octokit/rest';

import { isRefusal } from './refusal.ts';

/** A webhook about a new comment that this App did not take. */
export interface FailedDelivery {
  readonly id: number;
  /** The same in every redelivery. */
  readonly guid: string;
}

/** What GitHub remembers of the webhooks that it sent us. It never sends one again by itself (facts/github.md §7). */
export interface Deliveries {
  /** Of the last three days, oldest first. */
  failed(): Promise<readonly FailedDelivery[]>;
  /** What the webhook said; null when GitHub does not have it any more. */
  payload(delivery: FailedDelivery): Promise<unknown>;
  /** Asks GitHub to send it again. */
  redeliver(delivery: FailedDelivery): Promise<void>;
}

/** GitHub keeps them for three days. */
const KEPT_MS = 3 * 24 * 3_600_000;

/** `app`: a client that acts as the App itself. */
export function deliveriesOf(app: Octokit): Deliveries {
  return {
    failed: async () => {
      const oldest = Date.now() - KEPT_MS;
      const found = new Map<string, FailedDelivery>();
      const pages = app.paginate.iterator(app.rest.apps.listWebhookDeliveries, { per_page: 100, status: 'failure' });
      for await (const { data } of pages) {
        for (const { id, guid, event, action, status_code: status } of data) {
          // An older GitHub Enterprise Server does not know the filter and tells all.
          const taken = status >= 200 && status < 300;
          if (!taken && event === 'issue_comment' && action === 'created' && !found.has(guid)) found.set(guid, { id, guid });
        }
        if (data.some(({ delivered_at: at }) => Date.parse(at) < oldest)) break;
      }
      return [...found.values()].toReversed();
    },
    payload: async ({ id }) => {
      try {
        return (await app.rest.apps.getWebhookDelivery({ delivery_id: id })).data.request.payload;
      } catch (thrown) {
        if (isRefusal(thrown, 404)) return null;
        throw thrown;
      }
    },
    redeliver: async ({ id }) => {
      await app.rest.apps.redeliverWebhookDelivery({ delivery_id: id });
    },
  };
}
