/** A message for a channel. The same on every transport. */
export interface OutgoingMessage {
  /**
   * Identity, from what the message is about: a payment id, an order and its step. The same for every send of one
   * message, never made at the send: the receipt is found by it. On FIFO the deduplication id is made of it and of
   * the body: another body under the same key reaches the consumer, which refuses it.
   */
  readonly key: string;
  /** JSON. A `bigint` is written as an integer. */
  readonly body: unknown;
  /**
   * What keeps an order on FIFO, and makes Standard a fair queue: customer, account, tenant. 1 to 128 visible ASCII
   * characters. FIFO needs one.
   */
  readonly group?: string;
  /** String attributes, at most 6: four are the sender's. @default - none */
  readonly attributes?: Readonly<Record<string, string>>;
  /**
   * When it was first tried to be sent, where that was in another call or another process: horizons count from there.
   *
   * @default - now
   */
  readonly firstEnqueue?: Date;
}
