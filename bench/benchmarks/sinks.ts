import { randomUUID } from 'node:crypto';
import { CreateTableCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import {
  debezium,
  dynamoSink,
  icebergFileCatalog,
  icebergSink,
  passThrough,
  postgresSink,
  postgresSinkTable,
  runSink,
  s3Sink,
  type Change,
  type Decode,
  type Sink,
} from '../../runtime/cdc/index.js';
import { startEmbedded } from '../../targets/embedded/index.js';
import { startPostgres } from '../../targets/postgres/index.js';
import type { Benchmark } from '../benchmark.js';
import { compressing, type CompressingOptions } from '../compressing-sink.js';
import { clientOf, floorEngine, type Engine } from '../engine.js';
import { filledLog, systemId, topic, type FilledLog } from '../payment-log.js';
import { rowsOf, type Sample } from '../row.js';
import { sinkMemory } from '../sink-memory.js';

const rows = 20_000;
/** Of DynamoDB: it writes 99 in a transaction, and any local one takes its time for them. */
const itemRows = 4_000;
const transformed = { line: ({ row, kind }: Change) => JSON.stringify({ ...row, kind }) };

export const sinks: Benchmark = {
  name: 'sinks',
  about: `${rows} changes of Debezium (about 560 bytes; ${itemRows} of them into DynamoDB) from a log in memory, one partition, batches of 1,000: into a sink that only decodes and compresses, and into each store; and what a run holds in memory`,
  notMeasured: [
    'Kafka: its consumer takes a share of the processor and 12 MiB for each partition, too',
    'AWS: Postgres runs on this machine without fsync, and S3 and DynamoDB are emulators that share its cores (S3 is always MiniStack), so their figures say how fast those are',
    'several partitions, which run side by side',
  ],
  usesEngine: true,
  async run({ engine, runs, log: say }) {
    const [all, items] = [filledLog(rows), filledLog(itemRows)];
    const samples: Sample[][] = [];
    const postgres = await startPostgres();
    const pool = new Pool({ connectionString: postgres.url() });
    // DynamoDB Local has no S3.
    const emulator = engine.name === floorEngine ? await startEmbedded({ log: say }) : undefined;
    const s3 = new S3Client({ ...((emulator ?? engine).client as object), forcePathStyle: true });
    try {
      await pool.query(postgresSinkTable());
      await pool.query(
        'CREATE TABLE payments (id text PRIMARY KEY, amount numeric, currency text, note text)',
      );
      for (let run = 0; run < runs; run += 1) {
        await pool.query('TRUNCATE payments, exactly_once_sink');
        samples.push([
          await perCore('passed on unread, gzip 1', all, {}, passThrough),
          await perCore('as it came, duplicates recognised, gzip 1', all),
          await perCore('transformed, gzip 1', all, transformed),
          await perSecond('Postgres', all, tableOf(pool)),
          await perSecond('S3', all, s3Sink({ name: 'bench', bucket: await newBucket(s3), client: s3 })),
          await perSecond('Iceberg', all, await icebergOf(s3)),
          await perSecond('DynamoDB', items, await itemsOf(engine)),
          ...(await sinkMemory()),
        ]);
        say(`sinks: run ${run + 1} of ${runs}`);
      }
    } finally {
      s3.destroy();
      await emulator?.stop();
      await pool.end();
      await postgres.stop();
    }
    return { rows: rowsOf(samples, 'none') };
  },
};

/** Of the processor's time, whatever the clock says: other threads of the process count, too. */
async function perCore(
  name: string,
  filled: FilledLog,
  options?: CompressingOptions,
  decode?: Decode,
): Promise<Sample> {
  // Of the first runs half is the compiler's.
  for (let warm = 0; warm < 2; warm += 1) await timed(filled, compressing(options), decode);
  const { seconds } = await timed(filled, compressing(options), decode);
  const ours = filled.bytes / 1e6 / seconds;
  return { measure: 'input, per core', case: name, unit: 'MB/s', ours, peer: null };
}

async function perSecond(name: string, filled: FilledLog, sink: Sink): Promise<Sample> {
  const { elapsed } = await timed(filled, sink);
  return { measure: 'rows/s', case: name, unit: '1/s', ours: filled.rows / elapsed, peer: null };
}

/** Seconds of all threads' processor time, and of the clock. */
async function timed(
  { log, rows: wanted }: FilledLog,
  sink: Sink,
  decode: Decode = debezium({ systemId }),
): Promise<{ seconds: number; elapsed: number }> {
  const before = process.cpuUsage();
  const started = performance.now();
  const [summary] = await runSink({ source: log, sink, decode, stopAtEnd: true });
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  if (summary?.rows !== wanted)
    throw new Error(`the sink has written ${String(summary?.rows)} of ${wanted} rows`);
  return { seconds: (user + system) / 1e6, elapsed };
}

function tableOf(pool: Pool): Sink {
  const columns = ['amount', 'currency', 'note'];
  return postgresSink({
    name: 'bench',
    pool,
    tables: { [topic]: { table: 'payments', key: ['id'], columns } },
  });
}

async function newBucket(client: S3Client): Promise<string> {
  const bucket = `bench-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return bucket;
}

async function icebergOf(client: S3Client): Promise<Sink> {
  const bucket = await newBucket(client);
  return icebergSink({ name: 'bench', catalog: icebergFileCatalog({ bucket, prefix: 'changes/', client }) });
}

async function itemsOf(engine: Engine): Promise<Sink> {
  const client = clientOf(engine);
  const create = async () => {
    const TableName = `bench-${randomUUID()}`;
    await client.send(
      new CreateTableCommand({
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    );
    await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 0.05, maxDelay: 0.2 }, { TableName });
    return TableName;
  };
  const [watermarks, tableName] = [await create(), await create()];
  return dynamoSink({ name: 'bench', client, watermarks, tables: { [topic]: { tableName, key: ['id'] } } });
}
