import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { CloudEvent } from '../../../runtime/outbox/index.js';
import {
  webhookIdOf,
  webhookIntake,
  WebhookRegistry,
  webhookWorker,
  type EndpointSettings,
  type SendSummary,
  type WebhookAlert,
  type WebhookSenderSettings,
  type WebhookWorker,
  type WebhookWorkerOptions,
} from '../../../runtime/webhook/sender/index.js';
import { SenderBatches } from './batches.js';
import { dynamo, newTable } from '../../fixtures/dynamo.js';
import { newWebhookTable } from '../../fixtures/webhook-table.js';
import { EndpointServer } from './endpoint-server.js';

export const tenant = 'acme';
export const minute = 60_000;

/** A sender on the emulator whose clock is turned by hand, and a server to send to. */
export class SenderWorld {
  readonly client: DynamoDBClient = dynamo();
  readonly alerts: WebhookAlert[] = [];
  readonly summaries: SendSummary[] = [];
  settings!: WebhookSenderSettings & { readonly dedupTable: string };
  server!: EndpointServer;
  registry!: WebhookRegistry;
  /** Epoch milliseconds. */
  clock = Date.now();
  #events = 0;

  static async open(shards = 2): Promise<SenderWorld> {
    const world = new SenderWorld();
    const [table, receipts, server] = await Promise.all([
      newWebhookTable(world.client),
      newTable(world.client, 'id'),
      EndpointServer.listen(),
    ]);
    world.settings = {
      ...{ senderName: 'hooks', table, dedupTable: receipts.name, shards, retentionSeconds: 30 * 86_400 },
    };
    world.server = server;
    world.registry = new WebhookRegistry({ ...world.common, settings: world.settings });
    return world;
  }

  get common() {
    return {
      ...{ dynamodb: this.client, now: () => this.clock },
      ...{ allowHttp: true, allowedRanges: ['127.0.0.0/8'] },
    };
  }

  /** Registers an endpoint at a path of the server. */
  async endpoint(path: string, settings: Partial<EndpointSettings> = {}): Promise<string> {
    const { endpointId } = await this.registry.create(tenant, { url: this.server.url(path), ...settings });
    return endpointId;
  }

  event(type = 'invoice.paid', data: unknown = {}): CloudEvent<unknown> {
    this.#events += 1;
    const version = String(this.#events);
    const time = new Date(this.clock).toISOString();
    return {
      ...{ specversion: '1.0', source: 'shop', epoch: '1', kind: 'invoice', aggregate: `i-${version}` },
      ...{ id: `1/invoice/i-${version}/${randomUUID()}`, type, subject: 'i', time, version: '1' },
      ...{ datacontenttype: 'application/json', firstenqueue: time, data },
    };
  }

  /** Lets the intake take events, as a queue delivers them. */
  async take(...events: CloudEvent<unknown>[]): Promise<string[]> {
    const intake = webhookIntake({
      settings: this.settings,
      consumer: {
        consumerName: 'hooks',
        dedupTable: this.settings.dedupTable,
        receiptRetentionSeconds: 86_400,
        deadLetterQueueUrl: 'http://none.invalid',
      },
      tenantOf: () => tenant,
      dynamodb: this.client,
      now: () => this.clock,
      observe: () => undefined,
    });
    for (const batch of SenderBatches.of(events)) {
      for (let tries = 0, left = batch.Records; left.length > 0; tries += 1) {
        const { batchItemFailures } = await intake(
          { Records: left },
          { getRemainingTimeInMillis: () => 60_000 },
        );
        left = left.filter(({ messageId }) =>
          batchItemFailures.some(({ itemIdentifier }) => itemIdentifier === messageId),
        );
        // Many at once on one lane take turns: a message may have to come again.
        expect(tries).toBeLessThan(10);
      }
    }
    return events.map(({ source, id }) => webhookIdOf(source, id));
  }

  worker(options: Partial<WebhookWorkerOptions> = {}): WebhookWorker {
    return webhookWorker({
      ...this.common,
      settings: this.settings,
      random: () => 0,
      lingerMs: 0,
      notify: (alert) => void this.alerts.push(alert),
      observe: (summary) => this.summaries.push(summary),
      ...options,
    });
  }

  /** Sends what is due by the clock, until nothing is. */
  async send(options: Partial<WebhookWorkerOptions> = {}): Promise<SendSummary> {
    await this.worker(options)(
      { Records: [SenderBatches.record({ shards: 'all' })] },
      { getRemainingTimeInMillis: () => 300_000 },
    );
    return this.summaries.at(-1)!;
  }

  async close(): Promise<void> {
    await this.server.close();
    this.client.destroy();
  }
}
