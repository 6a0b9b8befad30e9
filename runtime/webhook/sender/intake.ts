import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { newClient, type DynamoDBClient } from '../../dynamodb/new-client.js';
import { cloudEvent, type CloudEvent } from '../../outbox/event.js';
import type { Decode } from '../../consumer/decode/decode.js';
import type { BatchSummary } from '../../telemetry/batch-summary.js';
import type { ConsumerSettings } from '../../sqs/settings.js';
import type { SqsConsumer } from '../../sqs/handler.js';
import { sqsConsumer } from '../../sqs/transaction-consumer.js';
import { assertTenant } from './endpoint.js';
import { endpointsOf, fanOut } from './fan-out.js';
import { webhookIdOf } from './rows.js';
import type { WebhookSenderSettings } from './settings.js';
import { WebhookStore } from './store/webhook-store.js';
import { wakeByQueue } from './wake.js';

export interface WebhookIntakeOptions {
  /** What the construct knows: `webhookSenderSettings(process.env)`. */
  readonly settings: WebhookSenderSettings;
  /** Of the consumer that it is: `consumerSettings(process.env)`. */
  readonly consumer: ConsumerSettings;
  /** Whose subscribers are told of an event: 1 to 64 of `A-Z a-z 0-9 _ . -`. Undefined: nobody's. */
  readonly tenantOf: (event: CloudEvent<unknown>) => string | undefined;
  /** What subscribers know its type as. @default - the event's type */
  readonly typeOf?: (event: CloudEvent<unknown>) => string;
  /** What they are sent. @default - the event's data */
  readonly dataOf?: (event: CloudEvent<unknown>) => unknown;
  /** @default - the envelopes of SNS and EventBridge are taken off */
  readonly decode?: Decode | readonly Decode[];
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
  /** @internal For tests: epoch milliseconds. */
  readonly now?: () => number;
}

const anything: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'exactly-once-aws', validate: (value) => ({ value }) },
};

/**
 * A Lambda handler for the queue that a relay sends an outbox to: gives each event to all endpoints of its tenant
 * that want it.
 *
 * Guaranteed: the event, and a delivery for each of these endpoints, become durable in one commit with the receipt of
 * (source, event id), once. An endpoint that is registered while an event is on its way may miss it. Order, for
 * endpoints that want it, is the order in which events come from the queue: per aggregate, if that is FIFO.
 *
 * Costs 2 write units for the receipt beside what {@link fanOut} says, and half a read unit per 4 KB of the tenant's
 * endpoints, twice.
 */
export function webhookIntake(options: WebhookIntakeOptions): SqsConsumer {
  const {
    settings,
    consumer,
    tenantOf,
    typeOf,
    dataOf,
    dynamodb = newClient(),
    sqs,
    now = Date.now,
  } = options;
  const store = new WebhookStore(dynamodb, settings.table);
  const wake = wakeByQueue(settings.wakeQueueUrl, sqs);
  const touched = new Set<number>();
  const consume = sqsConsumer({
    settings: consumer,
    schema: cloudEvent(anything),
    ...(options.decode !== undefined && { decode: options.decode }),
    ...{ dynamodb, sqs, observe: options.observe },
    key: ({ body }) => JSON.stringify([body.source, body.id]),
    async handle({ body: event }, tx) {
      const tenant = tenantOf(event);
      if (tenant === undefined) return;
      assertTenant(tenant);
      const outgoing = {
        ...{ webhookId: webhookIdOf(event.source, event.id), tenant },
        type: typeOf?.(event) ?? event.type,
        stream: event.kind === undefined ? event.aggregate : `${event.kind}/${event.aggregate}`,
        // In the key of a delivery: the same whenever the event comes again.
        time: new Date(event.time).toISOString(),
        data: dataOf === undefined ? event.data : dataOf(event),
      };
      const limits = { nowMs: now(), retentionSeconds: settings.retentionSeconds };
      const shards = await fanOut(tx, store, outgoing, await endpointsOf(store, tenant), limits);
      for (const shard of shards) touched.add(shard);
    },
    onConditionFailed(failed) {
      // Its receipt is gone, its rows are not: it was given to everybody before. Nothing else may pass for that.
      if (failed.item?.webhookId === undefined) throw failed;
    },
  });
  return async (event, context) => {
    const answer = await consume(event, context);
    const shards = new Set(touched);
    touched.clear();
    await wake(shards);
    return answer;
  };
}
