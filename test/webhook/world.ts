import { randomUUID } from 'node:crypto';
import type { Table } from '../../runtime/dynamodb/index.js';
import {
  webhookReceiver,
  type DeliverySummary,
  type WebhookReceiverOptions,
  type WebhookSource,
} from '../../runtime/webhook/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { count } from './counting.js';
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
      handle: (event, tx) => count(this.counts, event, tx),
      dynamodb: client,
      observe: (summary) => this.summaries.push(summary),
      ...more,
    });
    return (delivery: Delivery) => receive(request(delivery), { deadline: Date.now() + 20_000 });
  }

  async acts(source: string, name: string): Promise<number> {
    const found = await row(client, this.counts, { name: `${source} ${name}` });
    return Number(found?.acts ?? 0);
  }
}

export const uniqueName = () => `n-${randomUUID()}`;
