import { createHmac, randomUUID } from 'node:crypto';
import type { JsonObject } from './json.ts';
import { nodeId } from './json.ts';
import type { Limits } from './limits.ts';
import { repositoryJson, userJson } from './present/people.ts';
import type { Announcement } from './site.ts';
import type { App, Delivery, Installation, State } from './state.ts';
import { nextId } from './state.ts';

/** GitHub gives up on a receiver after ten seconds. */
const PATIENCE = 10_000;

export interface WebhooksOptions {
  readonly state: State;
  readonly limits: Limits;
  readonly clock: () => number;
  readonly url: string;
  readonly apiUrl: string;
}

interface Message {
  readonly app: App;
  readonly event: string;
  readonly action: string | null;
  readonly installation: Installation | null;
  readonly repositoryId: number | null;
  readonly payload: string;
}

/** Signs, sends and records webhooks. A failed delivery is never sent again by itself, as on GitHub. */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #held: Message[] = [];

  constructor(options: WebhooksOptions) {
    this.#options = options;
  }

  /** Tells every App that is installed on the repository and hears the event. */
  announce(announcement: Announcement): void {
    const { event, action, repository, onlyTo } = announcement;
    for (const installation of this.#options.state.installations.values()) {
      const { app } = installation;
      if (!installation.repositoryIds.has(repository.id)) continue;
      if (onlyTo ? onlyTo !== app : !app.events.includes(event)) continue;
      this.#dispatch({
        app,
        event,
        action: action ?? null,
        installation,
        repositoryId: repository.id,
        payload: this.#payload(announcement, installation),
      });
    }
  }

  /** Tells one App about its own installation. */
  tellInstallation(installation: Installation, payload: JsonObject): void {
    const body = JSON.stringify({ action: 'created', ...payload, sender: userJson(this.#options, installation.account) });
    this.#dispatch({ app: installation.app, event: 'installation', action: 'created', installation, repositoryId: null, payload: body });
  }

  /** Sends a recorded delivery once more: same guid, same body. */
  redeliver(delivery: Delivery): void {
    const installation = this.#options.state.installations.get(delivery.installationId ?? 0) ?? null;
    const { app, event, action, repositoryId, payload, guid } = delivery;
    this.#send({ app, event, action, installation, repositoryId, payload }, { guid, redelivery: true });
  }

  /** Sends what a fault held back, the last first. */
  release(): void {
    const held = this.#held.toReversed();
    this.#held = [];
    for (const message of held) this.#send(message, { guid: randomUUID(), redelivery: false });
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  get busy(): boolean {
    return this.#underWay.size > 0;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.settled();
  }

  #payload({ action, repository, sender, payload }: Announcement, installation: Installation): string {
    return JSON.stringify({
      ...(action === undefined ? {} : { action }),
      ...payload,
      repository: repositoryJson(this.#options, repository),
      sender: userJson(this.#options, sender),
      installation: { id: installation.id, node_id: nodeId('INST', installation.id) },
    });
  }

  #dispatch(message: Message): void {
    if (!message.app.webhook) return;
    const fault = this.#options.limits.takeDeliveryFault(message.event, message.action);
    const guid = randomUUID();
    if (fault === 'hold') this.#held.push(message);
    if (fault === 'hold' || fault === 'lose') return;
    this.#send(message, { guid, redelivery: false });
    if (fault === 'duplicate') this.#send(message, { guid, redelivery: false });
  }

  #send(message: Message, { guid, redelivery }: { guid: string; redelivery: boolean }): void {
    const { state, clock } = this.#options;
    const { app, event, action, installation, repositoryId, payload } = message;
    const facts = { app, event, action, installationId: installation?.id ?? null, repositoryId, payload };
    const id = nextId(state);
    const delivery: Delivery = { id, guid, ...facts, redelivery, deliveredAt: clock(), duration: null, statusCode: null };
    state.deliveries.set(delivery.id, delivery);
    const sending = this.#post(delivery).finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
  }

  async #post(delivery: Delivery): Promise<void> {
    const webhook = delivery.app.webhook;
    if (!webhook || this.#closing.signal.aborted) return;
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers: headersOf(delivery, webhook.secret),
        body: delivery.payload,
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(PATIENCE)]),
      });
      await response.arrayBuffer();
      delivery.statusCode = response.status;
    } catch {
      // Nobody answered: recorded, and open to a redelivery.
      delivery.statusCode = 0;
    }
    delivery.duration = this.#options.clock() - delivery.deliveredAt;
  }
}

/** The headers of a delivery, with its HMAC-SHA256 signature. */
export function headersOf(delivery: Delivery, secret: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'GitHub-Hookshot/local',
    accept: '*/*',
    'x-github-event': delivery.event,
    'x-github-delivery': delivery.guid,
    'x-github-hook-id': String(delivery.app.id),
    'x-github-hook-installation-target-id': String(delivery.app.id),
    'x-github-hook-installation-target-type': 'integration',
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(delivery.payload).digest('hex')}`,
  };
}
