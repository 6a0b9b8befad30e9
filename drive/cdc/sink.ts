import { S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import {
  debezium,
  icebergFileCatalog,
  icebergSink,
  postgresSink,
  runSink,
  s3DeadLetters,
  s3Sink,
  type Sink,
} from '../../runtime/cdc/index.js';
import { kafkaSource } from '../../runtime/cdc/kafka/index.js';
import { compiledClient } from './kafka-client.js';
import { icebergPrefix, lakePrefix, topics, type SinkOrder } from './order.js';

/** One sink in a process of its own, which is killed at any time. */
async function main(order: SinkOrder): Promise<void> {
  const { bucket, ...place } = order.s3;
  const client = new S3Client({ ...place, forcePathStyle: true });
  const stop = new AbortController();
  process.once('SIGTERM', () => stop.abort());
  const source = kafkaSource({
    kafka: { 'bootstrap.servers': order.servers },
    topics: order.topics,
    client: compiledClient(order.client),
  });
  await runSink({
    source,
    sink: sinkOf(order, client),
    decode: debezium({ systemId: order.systemId }),
    deadLetters: s3DeadLetters({ bucket, prefix: `dead-letters/${order.kind}/`, client }),
    batch: { rows: order.rows, ms: 500 },
    signal: stop.signal,
    observe: ({ rows, duplicates, overtaken }) =>
      process.stdout.write(`${JSON.stringify({ rows, duplicates, overtaken })}\n`),
  });
  await source.close();
  process.exit(0);
}

function sinkOf({ kind, s3: { bucket }, model }: SinkOrder, client: S3Client): Sink {
  switch (kind) {
    case 'read model':
      return postgresSink({
        name: 'read-model',
        pool: new Pool({ connectionString: model, max: 4 }),
        tables: {
          [topics.payments]: { table: 'payments', key: ['id'], columns: ['amount', 'currency', 'note'] },
          [topics.accounts]: { table: 'accounts', key: ['id'], columns: ['balance'] },
        },
      });
    case 'S3 lake':
      return s3Sink({ name: 'lake', bucket, prefix: lakePrefix, client });
    case 'Iceberg':
      return icebergSink({
        name: 'changes',
        catalog: icebergFileCatalog({ bucket, prefix: icebergPrefix, client }),
      });
  }
}

main(JSON.parse(process.argv[2] ?? '') as SinkOrder).catch((error: unknown) => {
  const { name, message } = error as Error;
  process.stderr.write(`${name}: ${message}\n`);
  process.exit(1);
});
