import type { DynamoDBClient } from '../dynamodb/new-client.js';
import type { Transaction } from '../dynamodb/transaction.js';
import type { ApiRequest } from '../api/request.js';
import type { Outbox } from '../outbox/outbox.js';
import type { SentEvent, WebhookScheme } from './scheme.js';
import type { SecretSource } from './secrets.js';
import type { ReceiverSettings, WebhookSettings } from './settings.js';
import type { DeliverySummary } from './summary.js';

/** Where an event of full state stands among those of its entity. */
export interface StateOf {
  /** What it is the state of, such as the id of a subscription. */
  readonly entity: string;
  /**
   * Higher for a later state: a count, a time in seconds, or ISO 8601 text, whatever its offset and its fraction; of
   * one kind for one type. Any other text is compared as its bytes, in which `10` is before `9`.
   */
  readonly version: number | bigint | string;
}

/** A sender, as it is configured here. Its name in `sources` is the sender of its events, never a field of theirs. */
export interface WebhookSource {
  readonly scheme: WebhookScheme;
  /** @default - Secrets Manager, as the construct was told */
  readonly secrets?: SecretSource;
  /**
   * How far the time of signing may be from now, in seconds, before and after. Where no time is signed it says
   * nothing.
   *
   * @default 300
   */
  readonly toleranceSeconds?: number;
  /** Types that act. Others are answered with success, and leave nothing. @default - all */
  readonly types?: readonly string[];
  /**
   * What an event is about: events of one entity are published in one stream, in the order of their commits.
   *
   * @default - every event is a stream of its own
   */
  readonly entity?: (event: SentEvent) => string | undefined;
  /**
   * By type, for events that carry the whole state of an entity: one that is strictly older than what was taken of
   * the same type and entity has no effect (R41). Not for events that say what changed: one of those would be lost.
   * Costs 2 write units per event.
   *
   * @default - every event acts, in whatever order they come
   */
  readonly states?: Readonly<Record<string, (event: SentEvent) => StateOf>>;
}

/** An event as a handler gets it. */
export interface ReceivedEvent extends SentEvent {
  /** Identity of the event here: 43 characters of base64url. For ids of rows, and keys towards other services. */
  readonly id: string;
  /** Name of the configured source. */
  readonly source: string;
  /** When it was signed, in seconds since 1970, if that is signed. */
  readonly signedAt?: number;
}

/** What every receiver is told, wherever its receipts are. */
export interface ReceiverOptions<Tx> {
  readonly settings: ReceiverSettings;
  /** By name: the last part of the path that the sender was given, `/webhooks/{source}`. */
  readonly sources: Readonly<Record<string, WebhookSource>>;
  /**
   * Where events are published, in the commit of their receipt: the work is done behind a queue, and the sender has
   * its answer at once. Types are `<source>.<type>`, data is the sender's.
   */
  readonly outbox?: unknown;
  /**
   * Fills the transaction, beside what is published or in place of it. May run more than once for one event, so it
   * must have no effect outside `tx`.
   */
  readonly handle?: (event: ReceivedEvent, tx: Tx) => void | Promise<void>;
  /** Largest body, in bytes; beyond it 413. @default 340,000 with an outbox, which holds no more; else 1,048,576 */
  readonly maxBodyBytes?: number;
  /** Names the source of a request. @default - parameter `source` of the route, or else the last part of the path */
  readonly sourceOf?: (request: ApiRequest) => string | undefined;
  /** Called once per delivery. @default - one JSON line per delivery on stdout */
  readonly observe?: (summary: DeliverySummary) => void;
}

export interface WebhookReceiverOptions extends ReceiverOptions<Transaction> {
  /** What the construct knows: `webhookSettings(process.env)`. */
  readonly settings: WebhookSettings;
  /**
   * Where events are published, in the commit of their receipt: the work is done behind a queue, and the sender has
   * its answer at once. Types are `<source>.<type>`, data is the sender's.
   */
  readonly outbox?: Outbox;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
}
