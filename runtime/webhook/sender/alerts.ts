import { parseJson } from '../../dedup/exact-json.js';
import { DependencyFailed } from '../../dedup/errors.js';
import { AlertNotTold } from './errors.js';
import { fingerprintOf } from '../../dedup/fingerprint.js';
import { receiptId } from '../../dedup/identity.js';
import { Meter } from '../../dedup/meter.js';
import { DynamoStore } from '../../dynamodb/dynamo-store.js';
import { commitHandlings, Handling } from '../../dynamodb/handling.js';
import type { Transaction } from '../../dynamodb/transaction.js';
import type { Outbox } from '../../outbox/outbox.js';
import type { DisabledReason, Endpoint } from './endpoint.js';
import type { AlertStep } from './health.js';
import { endpointKey, type Delivery, type StoredEvent } from './rows.js';
import type { WebhookSenderSettings } from './settings.js';
import type { WebhookStore } from './store/webhook-store.js';

/** What the owner of an endpoint, or of its tenant, should know. */
export interface WebhookAlert {
  readonly kind:
    /** It has failed for 50, 70 or 90 % of the time after which it is disabled. */
    | 'webhook.endpoint.failing'
    /** Nothing is sent to it any more; what is meant for it is held. */
    | 'webhook.endpoint.disabled'
    /** A delivery has used up its attempts. */
    | 'webhook.delivery.exhausted';
  readonly tenant: string;
  readonly endpointId: string;
  readonly url: string;
  /** Of the way to disabling. */
  readonly percent?: AlertStep;
  readonly reason?: DisabledReason;
  /** The event whose attempt failed last, its type, and what it says. */
  readonly webhookId: string;
  readonly topic: string;
  /** Left out where it is larger than 100,000 bytes. */
  readonly payload?: unknown;
  /** What the endpoint answered last, or why it did not. */
  readonly last?: string;
  readonly attempts: number;
}

const maxPayloadBytes = 100_000;

export interface AlertTargets {
  /** Where alerts are published: each once, in the commit of what it tells of. @default - nowhere */
  readonly outbox?: Outbox;
  /** Is told of each once at the least, before that commit. @default - nobody */
  readonly notify?: (alert: WebhookAlert) => void | Promise<void>;
}

/** Commits what alerts tell of together with the alerts. */
export class Alerts {
  readonly #store: DynamoStore;
  readonly #webhooks: WebhookStore;
  readonly #settings: WebhookSenderSettings;
  readonly #targets: AlertTargets;

  constructor(webhooks: WebhookStore, settings: WebhookSenderSettings, targets: AlertTargets) {
    this.#webhooks = webhooks;
    this.#settings = settings;
    this.#targets = targets;
    const { dedupTable: tableName = '', retentionSeconds } = settings;
    this.#store = new DynamoStore({ client: webhooks.client, tableName, retentionSeconds });
  }

  /**
   * @param occasion names it: the same occasion is told of once
   * @param fill what becomes true with it
   * @returns false when it was no longer so, or had been told before.
   * @throws AlertNotTold when `notify` throws, and nothing is committed.
   * @throws DependencyFailed when it is not known whether it is: it is tried again with the next attempt.
   */
  async commit(
    occasion: readonly (string | number)[],
    alert: WebhookAlert,
    fill: (tx: Transaction) => void,
  ): Promise<boolean> {
    try {
      await this.#targets.notify?.(alert);
    } catch (cause) {
      throw new AlertNotTold({ cause });
    }
    const key = JSON.stringify(['alert', ...occasion]);
    const limits = { deadline: Date.now() + 10_000, meter: new Meter() };
    let overtaken = false;
    const handling = new Handling(this.#store, {
      receipt: { id: receiptId(this.#settings.senderName, key), fingerprint: fingerprintOf(key) },
      lane: key,
      handle: (tx) => {
        fill(tx);
        this.#publish(tx, alert);
      },
      onConditionFailed: () => {
        overtaken = true;
      },
    });
    await handling.run(limits);
    const outcome = (await commitHandlings(this.#store, [handling], limits)).get(handling);
    this.#webhooks.meter.write([{ CapacityUnits: limits.meter.writeUnits }]);
    if (outcome?.kind === 'processed') return !overtaken;
    if (outcome?.kind === 'duplicate') return false;
    const cause = outcome !== undefined && 'error' in outcome ? outcome.error : undefined;
    throw new DependencyFailed('an alert could not be committed', { cause });
  }

  #publish(tx: Transaction, alert: WebhookAlert): void {
    const { outbox } = this.#targets;
    if (outbox === undefined) return;
    const { kind, tenant, endpointId } = alert;
    const name = `${tenant}/${endpointId}`;
    tx.publish(outbox, {
      aggregate: {
        table: this.#webhooks.table,
        key: endpointKey(tenant, endpointId),
        kind: 'webhook-endpoint',
        name,
      },
      type: kind,
      data: alert,
    });
  }
}

/** What an alert says of the delivery that it was found with. */
export function alertOf(
  kind: WebhookAlert['kind'],
  { tenant, endpointId, url }: Endpoint,
  { webhookId, attempts }: Delivery,
  { type, body }: StoredEvent,
  more: Partial<WebhookAlert>,
): WebhookAlert {
  const fits = Buffer.byteLength(body) <= maxPayloadBytes;
  return {
    ...{ kind, tenant, endpointId, url, webhookId, topic: type, attempts: attempts + 1 },
    ...(fits && { payload: parseJson(body) }),
    ...more,
  };
}
