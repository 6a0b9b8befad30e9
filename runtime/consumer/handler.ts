import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { assertConsumerName } from '../dedup/identity.js';
import type { Recognition } from './arrival.js';
import type { Decode } from './decode/decode.js';
import type { Reading } from './message.js';
import { runBatch } from './batch.js';
import { Pace } from './pace.js';
import type { ConsumerSettings } from './settings.js';
import { logSummary, type BatchSummary } from './summary.js';
import type { Way } from './way.js';

/** What every consumer is given, whichever way it commits. */
export interface ConsumerOptions<Schema extends StandardSchemaV1> {
  /** What the construct knows: `consumerSettings(process.env)`. */
  readonly settings: ConsumerSettings;
  /** Validates the body (zod, valibot, arktype, ...: https://standardschema.dev). A body it refuses goes to the dead-letter queue. */
  readonly schema: Schema;
  /**
   * Takes off what the body wears: an envelope, an encoding, a pointer. Several are run in turn, the outermost coat first. Schema, key
   * and fingerprint see what is left.
   *
   * @default - the body is JSON
   */
  readonly decode?: Decode | readonly Decode[];
  /**
   * Selects what two copies of a message must agree on.
   *
   * @default - the whole body as it was meant: decoded, before the schema
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

/** The Lambda handler of a consumer that commits in the given way. */
export function handlerOf<Schema extends StandardSchemaV1, Prepared>(
  options: ConsumerOptions<Schema>,
  identify: Recognition<Schema>['identify'],
  wayOn: (dynamodb: DynamoDBClient) => Way<StandardSchemaV1.InferOutput<Schema>, Prepared>,
): SqsConsumer {
  const { settings, schema, fingerprint, dynamodb = new DynamoDBClient({}), observe = logSummary } = options;
  assertConsumerName(settings.consumerName);
  const way = wayOn(dynamodb);
  let sqs = options.sqs;
  const deadLetterClient = async (): Promise<SQSClient> => {
    if (sqs === undefined) {
      const { SQSClient } = await import('./sqs.js');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      sqs = new SQSClient({ useQueueUrlAsEndpoint: false });
    }
    return sqs;
  };
  return async (event, context) => {
    const remainingMs = () => context.getRemainingTimeInMillis();
    const pace = new Pace();
    const batch = {
      settings,
      schema,
      decode: decoding(options.decode, remainingMs),
      fingerprint,
      identify,
      way,
      dynamodb,
      pace,
      deadLetterClient,
      remainingMs,
    };
    const { failed, summary } = await runBatch(event.Records, batch);
    observe(summary);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

function decoding(
  given: Decode | readonly Decode[] | undefined,
  remainingMs: () => number,
): Reading<StandardSchemaV1>['decode'] {
  const decoders = [given ?? []].flat();
  if (decoders.length === 0) return undefined;
  return async (text, attributes) => {
    // Loaded by those that need it.
    const { decodeBody } = await import('./decode/decode-body.js');
    const signal = AbortSignal.timeout(Math.max(0, Math.trunc(remainingMs() / 4)));
    return decodeBody(text, attributes, decoders, signal);
  };
}
