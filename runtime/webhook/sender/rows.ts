import { createHash } from 'node:crypto';
import { NewerRow } from '../../dedup/errors.js';
import type { Endpoint, EndpointHealth } from './endpoint.js';

/** The version of the rows that this runtime writes (R17). */
export const rowVersion = 1;

export type RowKey = Readonly<Record<'pk' | 'sk', string>>;

/** Where a delivery is. */
export type DeliveryState =
  /** It is sent, or will be. */
  | 'waiting'
  | 'delivered'
  /** Its attempts are used up. */
  | 'failed'
  /** Its endpoint is disabled: it waits for a replay. */
  | 'held';

/** One event on its way to one endpoint. */
export interface Delivery extends RowKey {
  readonly tenant: string;
  readonly endpointId: string;
  /** `webhook-id`: the same at every attempt and for every endpoint. */
  readonly webhookId: string;
  readonly type: string;
  /** Kind and name of its event's aggregate, `invoice/i-1`. Absent: it is older than this attribute. */
  readonly stream?: string;
  readonly state: DeliveryState;
  /** Attempts since it was last put up, those of this side's own trouble left out. */
  readonly attempts: number;
  /** Attempts in all. */
  readonly sends: number;
  /** How often it was put up again by an operator. */
  readonly replays: number;
  /**
   * How often the endpoint took it with `Idempotent-Replayed: true`: it had acted before, and did not again. Absent
   * when it never said so.
   */
  readonly suppressed?: number;
  /** Epoch milliseconds of its next attempt. */
  readonly dueAt: number;
  /** What came of the last attempt: a status, or the reason why there was none. */
  readonly last?: string;
  readonly lastAt?: string;
  /** When the event was committed by who published it. */
  readonly time: string;
  /** Epoch seconds: then everything of it goes. */
  readonly expiration: number;
}

/** The event itself, once for all its endpoints. */
export interface StoredEvent {
  readonly tenant: string;
  readonly webhookId: string;
  readonly type: string;
  readonly time: string;
  /** The body as it is sent, to the byte. */
  readonly body: string;
}

/** One attempt that did not succeed. Those that did are a line in their delivery. */
export interface StoredAttempt {
  readonly at: string;
  readonly attempt: number;
  readonly outcome: string;
  readonly durationMs: number;
  /** Beginning of the answer. */
  readonly answer: string;
}

/** Attempts that are kept of one delivery; later ones take the places of the first. */
export const keptAttempts = 20;

export const endpointKey = (tenant: string, endpointId: string): RowKey => ({
  pk: `E#${tenant}`,
  sk: endpointId,
});
export const eventKey = (tenant: string, webhookId: string): RowKey => ({
  pk: `M#${tenant}#${webhookId}`,
  sk: 'M',
});
/** In the order of their events. */
export const deliveryKey = (tenant: string, endpointId: string, time: string, webhookId: string): RowKey => ({
  pk: `D#${tenant}#${endpointId}`,
  sk: `${time}#${webhookId}`,
});
export const attemptKey = ({ tenant, endpointId, webhookId }: Delivery, send: number): RowKey => ({
  pk: `A#${tenant}#${endpointId}#${webhookId}`,
  sk: String(send % keptAttempts).padStart(4, '0'),
});
/** The lane of an endpoint that wants order: a row that says how far it is, and a row for each place in it. */
export const laneKey = (tenant: string, endpointId: string): RowKey => ({
  pk: `Q#${tenant}#${endpointId}`,
  sk: '!',
});
export const placeKey = (tenant: string, endpointId: string, place: number): RowKey => ({
  pk: `Q#${tenant}#${endpointId}`,
  sk: placeText(place),
});
export const placeText = (place: number): string => String(place).padStart(16, '0');
export const shardKey = (shard: number): RowKey => ({ pk: `S#${shard}`, sk: '!' });

/** What a shard is called in the index `due`. */
export const shardName = (shard: number): string => `S#${shard}`;

/** The event of a delivery, by the delivery's key alone. */
export function webhookIdIn({ sk }: RowKey): string {
  return sk.slice(sk.indexOf('#') + 1);
}

/** Whose row it is: the tenant has no `#`, and an endpoint's id has none either. */
export function endpointOf({ pk }: RowKey): { readonly tenant: string; readonly endpointId: string } {
  const [, tenant = '', endpointId = ''] = pk.split('#');
  return { tenant, endpointId };
}

/** Spreads endpoints over the shards. */
export function shardOf(endpointId: string, shards: number): number {
  return createHash('sha256').update(endpointId).digest().readUInt32BE() % shards;
}

/**
 * The `webhook-id` of an event: the same for everybody and at every attempt. Of 43 characters without a dot, whatever
 * source and id hold.
 */
export function webhookIdOf(source: string, eventId: string): string {
  return `evt_${createHash('sha256')
    .update(JSON.stringify([source, eventId]))
    .digest('base64url')}`;
}

type Row = Readonly<Record<string, unknown>>;

/** A row as it was stored. @throws NewerRow when a newer version of this library wrote it (R17). */
export function known(row: Row, key: string): Row {
  const v = Number(row.v ?? 0);
  if (v > rowVersion) throw new NewerRow(key, String(v), rowVersion);
  return row;
}

export const readDelivery = (row: Row): Delivery => known(row, String(row.sk)) as unknown as Delivery;
export const readEvent = (row: Row): StoredEvent => known(row, String(row.pk)) as unknown as StoredEvent;
export const readAttempt = (row: Row): StoredAttempt =>
  known(row, String(row.sk)) as unknown as StoredAttempt;

/** How an endpoint has been doing is in attributes of their own, so that whoever changes one leaves the others. */
export function readEndpoint(row: Row): Endpoint {
  const { firstFailureAt, failures, openUntil, alerted, ...rest } = known(
    row,
    String(row.sk),
  ) as unknown as Endpoint & EndpointHealth;
  return { ...rest, health: { firstFailureAt, failures, openUntil, alerted } };
}
