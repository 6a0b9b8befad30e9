import { laneUnchanged, webhookRowThere } from '../../dynamodb/webhook-conditions.js';
import type { Attempt, AttemptTools } from './attempt.js';
import {
  endpointOf,
  eventKey,
  placeText,
  readDelivery,
  readEvent,
  webhookIdIn,
  type Delivery,
  type RowKey,
  type StoredEvent,
} from './rows.js';

/** Places that are read at once. */
const pageSize = 20;

export interface LaneSteps {
  readonly attempt: (delivery: Delivery, event: StoredEvent | undefined) => Promise<Attempt>;
  readonly note: (attempt: Attempt) => void;
  /** Asked before each place but the first. */
  readonly mayGoOn: () => boolean;
}

/**
 * Sends what waits in the lane of an endpoint that wants order: one after another, the next only when the one before
 * it was taken, given up or held. One that has to wait holds back all behind it.
 *
 * @returns epoch milliseconds when the lane goes on; undefined when it is empty.
 */
export async function runLane(
  tools: AttemptTools,
  lane: RowKey,
  steps: LaneSteps,
): Promise<number | undefined> {
  const { store, now } = tools;
  for (let isFirst = true; ;) {
    const row = await store.readOne(lane);
    // Taken off the index since it was read there.
    if (row?.dueIn === undefined) return undefined;
    if (Number(row.dueAt) > now()) return Number(row.dueAt);
    const { rows } = await store.page(lane.pk, {
      limit: pageSize,
      from: placeText(Number(row.done ?? 0) + 1),
    });
    let done = Number(row.done ?? 0);
    let dueAt: number | undefined;
    for (const place of rows) {
      dueAt = isFirst || steps.mayGoOn() ? await passed(tools, lane, String(place.delivery), steps) : now();
      isFirst = false;
      if (dueAt !== undefined) break;
      done = Number(place.sk);
    }
    if (dueAt !== undefined) {
      await store.update(lane, { set: { done, dueAt } }, webhookRowThere());
      return dueAt;
    }
    const isEmpty = rows.length < pageSize;
    const left = isEmpty
      ? await store.update(
          lane,
          { set: { done }, remove: ['dueIn', 'dueAt'] },
          laneUnchanged(Number(row.next)),
        )
      : !(await store.update(lane, { set: { done } }, webhookRowThere()));
    if (left) return undefined;
  }
}

/** @returns epoch milliseconds when this place is tried again; undefined when it is passed. */
async function passed(
  { store, now }: AttemptTools,
  lane: RowKey,
  sk: string,
  { attempt, note }: LaneSteps,
): Promise<number | undefined> {
  const { tenant, endpointId } = endpointOf(lane);
  const key = { pk: `D#${tenant}#${endpointId}`, sk };
  const event = eventKey(tenant, webhookIdIn(key));
  const rows = await store.read([key, event]);
  const delivery = rows.find(({ pk }) => pk === key.pk);
  if (delivery?.state !== 'waiting') return undefined;
  if (Number(delivery.dueAt) > now()) return Number(delivery.dueAt);
  const stored = rows.find(({ pk }) => pk === event.pk);
  const one = await attempt(readDelivery(delivery), stored && readEvent(stored));
  note(one);
  return one.dueAt;
}
