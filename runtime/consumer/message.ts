import type { TransportId } from '../dedup/identity.js';
import type { Sequence } from '../dedup/sequence.js';

/** What a key may be made of: what the producer wrote. Nothing that the transport made up is here, on purpose. */
export interface KeySource<Body> {
  /** The body after validation. */
  readonly body: Body;
  /** The producer's string message attributes, by name. */
  readonly attributes: Readonly<Record<string, string>>;
  /** MessageGroupId, which survives a redrive. Undefined on a Standard queue without fair queues. */
  readonly group: string | undefined;
}

/** A message as a handler sees it. Frozen to its last leaf: a handler may run again on the same one (R55). */
export interface Message<Body> extends KeySource<Body> {
  /** The key that the selector made: the message's identity. */
  readonly key: string;
  /**
   * Position in the queue, FIFO only. A redrive from the dead-letter queue gives a new one (R4): good for "later
   * than", no identity.
   */
  readonly sequence: Sequence | undefined;
  /** For logs only. */
  readonly transport: TransportFacts;
}

/** What the transport says of a delivery. */
export interface TransportFacts {
  readonly messageId: TransportId;
  readonly deduplicationId: TransportId | undefined;
  /** How often it has been handed out, this time included. Deliveries are not failures (R19). */
  readonly receiveCount: number;
  readonly sentAt: Date;
}
