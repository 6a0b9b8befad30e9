import { exactJsonText } from '../../dedup/exact-json.js';
import { refuseEmptied } from '../../dedup/json-data.js';
import type { Transaction } from '../../dynamodb/transaction.js';
import { wants, type Endpoint } from './endpoint.js';
import {
  deliveryKey,
  eventKey,
  laneKey,
  placeKey,
  readEndpoint,
  rowVersion,
  shardName,
  type DeliveryState,
} from './rows.js';
import type { WebhookStore } from './store/webhook-store.js';

/** An event that subscribers are to be told of. */
export interface OutgoingEvent {
  /** `webhook-id`, see `webhookIdOf`. */
  readonly webhookId: string;
  readonly tenant: string;
  readonly type: string;
  /** Kind and name of its aggregate. */
  readonly stream?: string;
  /** When it happened, ISO 8601. */
  readonly time: string;
  readonly data: unknown;
}

/**
 * Endpoints of one tenant, and those of them that want order. An event to all of them is one transaction of at most
 * 100 actions: its receipt, the event, a row for each endpoint, and two more for each that wants order. What is left
 * is for those that are registered at the same moment.
 */
export const maxEndpoints = { all: 40, ordered: 25 };

/** All endpoints of a tenant. */
export async function endpointsOf(store: WebhookStore, tenant: string): Promise<Endpoint[]> {
  const endpoints = [];
  for await (const row of store.rows(`E#${tenant}`)) endpoints.push(readEndpoint(row));
  return endpoints;
}

/** The body as every endpoint gets it, built once: what Standard Webhooks recommends. */
export function bodyOf({ type, time, data }: OutgoingEvent): string {
  return exactJsonText({ type, timestamp: time, data }, refuseEmptied);
}

/**
 * Puts an event and a delivery for each endpoint that wants it into a transaction. An endpoint that is disabled gets
 * one that is held: a replay brings it back, and nothing is lost meanwhile.
 *
 * Costs 2 write units per KB of the event; per endpoint 3 (the row, and its place in the index), or 2 and 6 more
 * where it wants order.
 *
 * @returns the shards that have something to do.
 */
export async function fanOut(
  tx: Transaction,
  store: WebhookStore,
  event: OutgoingEvent,
  endpoints: readonly Endpoint[],
  { nowMs, retentionSeconds }: { readonly nowMs: number; readonly retentionSeconds: number },
): Promise<Set<number>> {
  const shards = new Set<number>();
  const wanting = endpoints.filter((endpoint) => wants(endpoint, event.type, event.data));
  if (wanting.length === 0) return shards;
  const { tenant, webhookId, type, time, stream } = event;
  const expiration = Math.floor(nowMs / 1000) + retentionSeconds;
  tx.insert(store.table, {
    ...eventKey(tenant, webhookId),
    ...{ v: rowVersion, tenant, webhookId, type, time, expiration, body: bodyOf(event) },
  });
  for (const endpoint of wanting) {
    const { endpointId, disabled, ordered = false, shard } = endpoint;
    const state: DeliveryState = disabled === undefined ? 'waiting' : 'held';
    const waits = state === 'waiting';
    tx.insert(store.table, {
      ...deliveryKey(tenant, endpointId, time, webhookId),
      ...{ v: rowVersion, tenant, endpointId, webhookId, type, stream, time, expiration, state },
      ...{ attempts: 0, sends: 0, replays: 0, dueAt: nowMs },
      dueIn: waits && !ordered ? shardName(shard) : undefined,
    });
    if (!waits) continue;
    if (ordered)
      await joinLane(
        tx,
        store,
        endpoint,
        deliveryKey(tenant, endpointId, time, webhookId).sk,
        nowMs,
        expiration,
      );
    shards.add(shard);
  }
  return shards;
}

/**
 * Gives a delivery the next place in its endpoint's lane. All that join one lane do so one after another: that is
 * what its order is.
 */
export async function joinLane(
  tx: Transaction,
  store: WebhookStore,
  { tenant, endpointId, shard }: Endpoint,
  delivery: string,
  nowMs: number,
  expiration: number,
): Promise<void> {
  const key = laneKey(tenant, endpointId);
  const lane = await tx.get(store.table, key, ['next', 'dueIn']);
  const next = Number(lane?.next ?? 1);
  // What was read of the lane is checked at the commit, so that nobody else has this place.
  tx.put(store.table, { ...placeKey(tenant, endpointId, next), v: rowVersion, delivery, expiration });
  const awake = lane?.dueIn !== undefined;
  tx.update(store.table, key, {
    // What waits for its time is not woken by what comes behind it.
    set: { v: rowVersion, next: next + 1, ...(!awake && { dueIn: shardName(shard), dueAt: nowMs }) },
  });
}
