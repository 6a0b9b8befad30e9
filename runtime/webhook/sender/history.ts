import {
  attemptKey,
  deliveryKey,
  readAttempt,
  readDelivery,
  type Delivery,
  type DeliveryState,
  type StoredAttempt,
} from './rows.js';
import type { WebhookStore } from './store/webhook-store.js';

export interface DeliveryQuery {
  /** @default - all */
  readonly states?: readonly DeliveryState[];
  /** Of events from then on. @default - all that are kept */
  readonly since?: Date;
  /** Of events of one aggregate: its kind and name, `invoice/i-1`. @default - of all */
  readonly stream?: string;
  /** @default 100 */
  readonly limit?: number;
}

/** Newest first. Reads all deliveries of the endpoint from `since` on until enough are found. */
export async function deliveriesOf(
  store: WebhookStore,
  { tenant, endpointId }: { readonly tenant: string; readonly endpointId: string },
  query: DeliveryQuery,
): Promise<Delivery[]> {
  const { states, since, stream, limit = 100 } = query;
  const { pk } = deliveryKey(tenant, endpointId, '', '');
  const found: Delivery[] = [];
  let after;
  do {
    const page = await store.page(pk, {
      limit: 100,
      newestFirst: true,
      from: since?.toISOString(),
      after,
    });
    for (const row of page.rows) {
      const delivery = readDelivery(row);
      if (
        (states === undefined || states.includes(delivery.state)) &&
        (stream === undefined || stream === delivery.stream)
      )
        found.push(delivery);
    }
    after = page.next;
  } while (after !== undefined && found.length < limit);
  return found.slice(0, limit);
}

/** The attempts of a delivery that failed, newest first. */
export async function attemptsOf(store: WebhookStore, delivery: Delivery): Promise<StoredAttempt[]> {
  const attempts: StoredAttempt[] = [];
  for await (const row of store.rows(attemptKey(delivery, 0).pk)) attempts.push(readAttempt(row));
  return attempts.sort((a, b) => (a.at < b.at ? 1 : -1));
}
