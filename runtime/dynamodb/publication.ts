import type { AttributeValue, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Limits } from '../dedup/limits.js';
import type { ItemAddress } from './table.js';
import type { Write } from './write.js';

/** Takes events for `tx.publish`: what `outbox` of the outbox room makes. */
export interface Publisher<Event> {
  /** @throws InvalidWrite when the event cannot be stored. */
  publication(event: Event): Publication;
}

/**
 * One event on its way into an outbox. What has to be done with it comes with it, so that a consumer that publishes
 * nothing does not carry the code.
 */
export interface Publication {
  /** The item whose `version` numbers the event (R29). */
  readonly aggregate: ItemAddress;
  readonly publisher: object;
  /** Size of the row, rounded up. */
  readonly bytes: number;
  /** The write that raises the aggregate's version: the transaction's own one on that item, or a new one. */
  raising(write: Write | undefined): Write;
  /** The event as the row of its version. @param at epoch milliseconds of the commit. */
  row(version: bigint, at: number): Write;
  /** Numbers the publications of one attempt, this one among them. */
  number(
    publications: readonly Publication[],
    effects: ReadonlyMap<string, Write>,
    io: Limits & { readonly client: DynamoDBClient },
  ): Promise<Numbering>;
}

/** The events of one attempt under their versions. */
export interface Numbering {
  /** The effects by item, each aggregate's version raised on condition that it is the one assumed. */
  readonly effects: ReadonlyMap<string, Write>;
  readonly rows: readonly Write[];
  /** Takes down what came of it. @param outcome `unknown`: no answer came. */
  ended(outcome: 'committed' | 'unknown'): void;
  /**
   * Takes down the item that stood in the way, undefined for none. @returns whether its version is not the one
   * assumed.
   */
  overtaken(id: string, item: Record<string, AttributeValue> | undefined): boolean;
}
