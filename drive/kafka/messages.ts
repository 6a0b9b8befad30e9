/** What the topic `purchases` holds, as JSON text. */
export interface PurchaseMessage {
  readonly purchase: string;
  readonly customer: string;
  readonly cents: number;
}

export const topics = { input: 'purchases', outputs: ['debits', 'credits'] } as const;
export const processorName = 'purchases';

/** What the feeder is told, as JSON; the purchases come as lines of its standard input. */
export interface FeedOrder {
  /** Folder in which the client is installed. */
  readonly client: string;
  readonly servers: string;
}
