import { backoff } from '../../dedup/backoff.js';
import { DependencyFailed } from '../../dedup/errors.js';
import { allOf } from '../../dynamodb/commit-conditions.js';
import {
  deliveryNotReplayed,
  deliveryNotWaiting,
  laneAsSeen,
  webhookRowAbsent,
} from '../../dynamodb/webhook-conditions.js';
import type { Endpoint } from './endpoint.js';
import { laneKey, placeKey, rowVersion, shardName, type Delivery } from './rows.js';
import type { WebhookStore } from './store/webhook-store.js';

const maxTries = 10;

/**
 * Puts a delivery up again, due now and with all its attempts. In a lane it gets a place at the end, in the same
 * commit: what it was ahead of has been sent.
 *
 * @returns false when it has changed since it was read, or waits anyway.
 * @throws DependencyFailed when the lane is so busy that it found no place.
 */
export async function putUp(
  store: WebhookStore,
  endpoint: Endpoint,
  delivery: Delivery,
  nowMs: number,
): Promise<boolean> {
  const { ordered = false, shard, tenant, endpointId } = endpoint;
  const { pk, sk, expiration } = delivery;
  const key = { pk, sk };
  const again = {
    set: { state: 'waiting', attempts: 0, dueAt: nowMs, ...(!ordered && { dueIn: shardName(shard) }) },
    add: { replays: 1 },
  };
  const waitsNot = deliveryNotWaiting(delivery.sends);
  const condition = allOf([waitsNot, deliveryNotReplayed(delivery.replays)]) ?? waitsNot;
  if (!ordered) return store.update(key, again, condition);
  const laneAt = laneKey(tenant, endpointId);
  for (let tries = 1; tries <= maxTries; tries += 1) {
    const lane = await store.readOne(laneAt);
    const next = lane?.next === undefined ? undefined : Number(lane.next);
    const awake = lane?.dueIn !== undefined;
    const place = next ?? 1;
    const woken = awake ? {} : { dueIn: shardName(shard), dueAt: nowMs };
    const failed = await store.transact([
      { key, change: again, condition },
      {
        item: { ...placeKey(tenant, endpointId, place), v: rowVersion, delivery: sk, expiration },
        condition: webhookRowAbsent(),
      },
      {
        key: laneAt,
        change: { set: { v: rowVersion, next: place + 1, ...woken } },
        condition: laneAsSeen(next, awake),
      },
    ]);
    if (failed === undefined) return true;
    if (failed === 0) return false;
    await backoff(tries, Infinity);
  }
  throw new DependencyFailed('the lane of the endpoint is too busy to join it; replay again later');
}
