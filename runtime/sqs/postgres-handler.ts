import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Recognised } from '../consumer/arrival.js';
import { Engine } from '../consumer/batch.js';
import type { Recognition } from '../consumer/recognise.js';
import { assertConsumerName } from '../dedup/identity.js';
import type { Prepared, Way } from '../dedup/way.js';
import type { PostgresPool } from '../postgres/client.js';
import { logSummary } from '../telemetry/batch-summary.js';
import { coatsOfRelayedEvent, meant } from './envelopes.js';
import type { ConsumerOptions, SqsConsumer } from './handler.js';
import { sqsOnce, sqsTransport } from './transport.js';

/** What every consumer on Postgres is given, whichever way it commits. */
export interface PostgresConsumerParts<Schema extends StandardSchemaV1> extends Omit<
  ConsumerOptions<Schema>,
  'dynamodb'
> {
  /** Connections to the database: a `Pool` of `pg`, made once per process. */
  readonly pool: PostgresPool;
}

/** The Lambda handler of a consumer that commits in the given way. */
export function postgresHandlerOf<Schema extends StandardSchemaV1, Unit extends Prepared>(
  options: PostgresConsumerParts<Schema>,
  identify: Recognition<Schema>['identify'],
  way: Way<Recognised<StandardSchemaV1.InferOutput<Schema>>, Unit>,
): SqsConsumer {
  const { settings, schema, decode, fingerprint, observe = logSummary, pool } = options;
  const { consumerName, deadLetterQueueUrl, queueUrl } = settings;
  assertConsumerName(consumerName);
  const engine = new Engine({
    settings,
    schema,
    decodersOf: decode === undefined ? coatsOfRelayedEvent : () => [decode].flat(),
    meant,
    fingerprint,
    identify,
    observe,
    transport: sqsTransport({ client: sqsOnce(options.sqs), deadLetterQueueUrl, queueUrl }),
    way,
    async failureStore() {
      const { PostgresFailureStore } = await import('../postgres/failure-store.js');
      return new PostgresFailureStore(pool, consumerName);
    },
  });
  return async ({ Records }, context) => {
    const back = await engine.run(Records, () => context.getRemainingTimeInMillis());
    return { batchItemFailures: back.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}
