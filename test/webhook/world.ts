import { randomUUID } from 'node:crypto';
import type { Table, Transaction } from '../../runtime/dynamodb/index.js';
import {
  webhookReceiver,
  type DeliverySummary,
  type ReceivedEvent,
  type WebhookReceiverOptions,
  type WebhookSource,
} from '../../runtime/webhook/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { request, type Delivery } from './delivery.js';

export const client = dynamo();
export const day = 24 * 3600;

/** A receiver whose handler counts under no key what acts: twice is seen. */
export class World {
  readonly summaries: DeliverySummary[] = [];
  receipts!: Table;
  counts!: Table;

  async open(): Promise<this> {
    [this.receipts, this.counts] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
    return this;
  }

  receiver(sources: Record<string, WebhookSource>, more: Partial<WebhookReceiverOptions> = {}) {
    const receive = webhookReceiver({
      settings: {
        receiverName: 'hooks',
        dedupTable: this.receipts.name,
        windowSeconds: 60 * day,
        secretIds: {},
      },
      sources,
      handle: (event, tx) => this.act(event, tx),
      dynamodb: client,
      observe: (summary) => this.summaries.push(summary),
      ...more,
    });
    return (delivery: Delivery) => receive(request(delivery), { deadline: Date.now() + 20_000 });
  }

  /** Counts an event under the name in its data, or else its sender's id. */
  act({ source, type, data, senderId }: ReceivedEvent, tx: Transaction): void {
    const name = nameOf(data) ?? senderId ?? type;
    tx.update(this.counts, { name: `${source} ${name}` }, { add: { acts: 1 } });
  }

  async acts(source: string, name: string): Promise<number> {
    const found = await row(client, this.counts, { name: `${source} ${name}` });
    return Number(found?.acts ?? 0);
  }
}

function nameOf(data: unknown): string | undefined {
  const { name } = Object(data) as { name?: unknown };
  return typeof name === 'string' ? name : undefined;
}

export const uniqueName = () => `n-${randomUUID()}`;
