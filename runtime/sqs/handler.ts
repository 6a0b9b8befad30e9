import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { Recognised } from '../consumer/arrival.js';
import { Engine } from '../consumer/batch.js';
import type { Decode } from '../consumer/decode/decode.js';
import type { Recognition } from '../consumer/recognise.js';
import { logSummary, type BatchSummary } from '../telemetry/batch-summary.js';
import { assertConsumerName } from '../dedup/identity.js';
import type { Prepared, Way } from '../dedup/way.js';
import { newClient, type DynamoDBClient } from '../dynamodb/new-client.js';
import { coatsOfRelayedEvent, meant } from './envelopes.js';
import type { ConsumerSettings } from './settings.js';
import { sqsOnce, sqsTransport } from './transport.js';

/** What every consumer is given, whichever way it commits. */
export interface ConsumerOptions<Schema extends StandardSchemaV1> {
  /** What the construct knows: `consumerSettings(process.env)`. */
  readonly settings: ConsumerSettings;
  /**
   * Validates the body (zod, valibot, arktype, ...: https://standardschema.dev). A body it refuses goes to the
   * dead-letter queue.
   */
  readonly schema: Schema;
  /**
   * Takes off what the body wears: an envelope, an encoding, a pointer. Several are run in turn, the outermost coat
   * first. Schema, key and fingerprint see what is left.
   *
   * @default - an event of an outbox is found in the envelopes of SNS and EventBridge; any other body is JSON as it
   * is. `[]`: every body is.
   */
  readonly decode?: Decode | readonly Decode[];
  /**
   * Selects what two copies of a message must agree on.
   *
   * @default - the whole body as it was meant: decoded, before the schema, and of an envelope of SNS or EventBridge
   * what does not change when it is sent again
   */
  readonly fingerprint?: (body: StandardSchemaV1.InferOutput<Schema>) => unknown;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** For the dead-letter queue, and to defer what failed. @default - made when the first message fails */
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
}

/** A Lambda handler for an SQS event source with `ReportBatchItemFailures`. */
export type SqsConsumer = (
  event: SQSEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<SQSBatchResponse>;

/** What a way is made with. */
export interface WayParts {
  readonly dynamodb: DynamoDBClient;
  readonly sqs: () => Promise<SQSClient>;
}

/** The Lambda handler of a consumer that commits in the given way. */
export function handlerOf<Schema extends StandardSchemaV1, Unit extends Prepared>(
  options: ConsumerOptions<Schema>,
  identify: Recognition<Schema>['identify'],
  wayOn: (parts: WayParts) => Way<Recognised<StandardSchemaV1.InferOutput<Schema>>, Unit>,
): SqsConsumer {
  const { settings, schema, decode, fingerprint, dynamodb = newClient(), observe = logSummary } = options;
  const { consumerName, dedupTable, deadLetterQueueUrl, queueUrl } = settings;
  assertConsumerName(consumerName);
  const client = sqsOnce(options.sqs);
  const engine = new Engine({
    settings,
    schema,
    decodersOf: decode === undefined ? coatsOfRelayedEvent : () => [decode].flat(),
    meant,
    fingerprint,
    identify,
    observe,
    transport: sqsTransport({
      client,
      deadLetterQueueUrl,
      queueUrl,
      storeBody:
        dedupTable === undefined
          ? undefined
          : async (id, body) =>
              (await import('./trouble.js')).storeBody(dynamodb, dedupTable, consumerName, id, body),
    }),
    way: wayOn({ dynamodb, sqs: client }),
    failureStore:
      dedupTable === undefined
        ? undefined
        : async () => {
            const { DynamoFailureStore } = await import('./trouble.js');
            return new DynamoFailureStore(dynamodb, dedupTable, consumerName);
          },
  });
  return async ({ Records }, context) => {
    const back = await engine.run(Records, () => context.getRemainingTimeInMillis());
    return { batchItemFailures: back.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
