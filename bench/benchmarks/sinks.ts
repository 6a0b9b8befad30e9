import { randomBytes, randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { CreateTableCommand, waitUntilTableExists } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import {
  debezium,
  dynamoSink,
  icebergFileCatalog,
  icebergSink,
  MemoryLog,
  passThrough,
  postgresSink,
  postgresSinkTable,
  runSink,
  s3Sink,
  type Decode,
  type Sink,
  type TopicPartition,
} from '../../runtime/cdc/index.js';
import { linesOf } from '../../runtime/cdc/lines.js';
import { startPostgres } from '../../targets/postgres/index.js';
import type { Benchmark } from '../benchmark.js';
import { clientOf, floorEngine, type Engine } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';

const topic = 'shop.public.payments';
const rows = 20_000;
const systemId = '7310000000000000001';
const compress = promisify(gzip);

export const sinks: Benchmark = {
  name: 'sinks',
  about: `${rows} changes of Debezium (about 700 bytes) from a log in memory, one partition, batches of 1,000: into a sink that only decodes and compresses, and into each store`,
  notMeasured: [
    'Kafka: its consumer takes a share of the processor, too',
    'AWS: Postgres runs on this machine without fsync, and S3 and DynamoDB are emulators that share its cores, so their figures say how fast those are',
    'several partitions, which run side by side',
  ],
  usesEngine: true,
  async run({ engine, runs, log: say }) {
    const filled = filledLog();
    const samples: Sample[][] = [];
    const postgres = await startPostgres();
    const pool = new Pool({ connectionString: postgres.url() });
    try {
      await pool.query(postgresSinkTable());
      await pool.query(
        'CREATE TABLE payments (id text PRIMARY KEY, amount numeric, currency text, note text)',
      );
      for (let run = 0; run < runs; run += 1) {
        const cpu = async (name: string, sink: Sink, decode?: Decode): Promise<Sample> => {
          // Of the first runs half is the compiler's.
          for (let warm = 0; warm < 2; warm += 1) await timed(filled.log, compressing(), decode);
          const { seconds } = await timed(filled.log, sink, decode);
          const unit = 'MB/s';
          return {
            measure: 'input, per core',
            case: name,
            unit,
            ours: filled.bytes / 1e6 / seconds,
            peer: null,
          };
        };
        const store = async (name: string, sink: Sink): Promise<Sample> => {
          const { elapsed } = await timed(filled.log, sink);
          return { measure: 'rows/s', case: name, unit: '1/s', ours: rows / elapsed, peer: null };
        };
        await pool.query('TRUNCATE payments, exactly_once_sink');
        const columns = ['amount', 'currency', 'note'];
        const ofRun = [
          await cpu('passed on unread, gzip 1', compressing(), passThrough),
          await cpu('as it came, duplicates recognised, gzip 1', compressing()),
          await cpu('transformed, gzip 1', compressing(true)),
          await store(
            'Postgres',
            postgresSink({
              name: 'bench',
              pool,
              tables: { [topic]: { table: 'payments', key: ['id'], columns } },
            }),
          ),
        ];
        // DynamoDB Local has no S3.
        if (engine.name !== floorEngine) {
          ofRun.push(await store('S3', await lakeOf(engine)));
          ofRun.push(await store('Iceberg', await icebergOf(engine)));
        }
        ofRun.push(await store('DynamoDB', await itemsOf(engine)));
        samples.push(ofRun);
        say(`sinks: run ${run + 1} of ${runs}`);
      }
    } finally {
      await pool.end();
      await postgres.stop();
    }
    return { rows: rowsOf(samples, 'none') };
  },
};

function filledLog() {
  const log = new MemoryLog();
  const [at] = log.create(topic) as [TopicPartition];
  let bytes = 0;
  for (let i = 0; i < rows; i += 1) {
    const note = randomBytes(24).toString('base64');
    const after = { id: `p${i}`, amount: `${i}.50`, currency: 'EUR', note };
    const source = {
      ...{ version: '3.7.0.Final', connector: 'postgresql', name: 'shop', ts_ms: 1_795_893_991_088 + i },
      ...{ snapshot: 'false', db: 'shop', sequence: JSON.stringify([String(1000 + i), String(1001 + i)]) },
      ...{ schema: 'public', table: 'payments', txId: i, lsn: 1001 + i, xmin: null, origin: null },
    };
    const transaction = { id: `${i}:${1001 + i}`, total_order: 1, data_collection_order: 1 };
    const value = JSON.stringify({
      before: null,
      after,
      source,
      transaction,
      op: 'c',
      ts_ms: 1_795_893_991_445,
    });
    const key = JSON.stringify({ id: after.id });
    log.append(at, { key, value });
    bytes += key.length + value.length;
  }
  return { log, bytes };
}

/** What the S3 sink does on the processor, without S3. */
function compressing(transformed = false): Sink {
  const states = new Map<string, { readonly next: bigint }>();
  const line = transformed
    ? ({ row, kind }: { row?: object; kind: string }) => JSON.stringify({ ...row, kind })
    : undefined;
  return {
    name: 'compress',
    open: ({ topicId }) => Promise.resolve(states.get(topicId) ?? { next: 0n }),
    async write({ partition, to, changes }) {
      await compress(linesOf(changes, line), { level: 1 });
      states.set(partition.topicId, to);
      return to;
    },
  };
}

/** Seconds of all threads' processor time, and of the clock. */
async function timed(
  log: MemoryLog,
  sink: Sink,
  decode: Decode = debezium({ systemId }),
): Promise<{ seconds: number; elapsed: number }> {
  const before = process.cpuUsage();
  const started = performance.now();
  const [summary] = await runSink({ source: log, sink, decode, stopAtEnd: true });
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  if (summary?.rows !== rows)
    throw new Error(`the sink has written ${String(summary?.rows)} of ${rows} rows`);
  return { seconds: (user + system) / 1e6, elapsed };
}

async function lakeOf(engine: Engine): Promise<Sink> {
  const client = new S3Client({ ...(engine.client as object), forcePathStyle: true });
  const bucket = `bench-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return s3Sink({ name: 'bench', bucket, client });
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
    await waitUntilTableExists({ client, maxWaitTime: 30 }, { TableName });
    return TableName;
  };
  const [watermarks, tableName] = [await create(), await create()];
  return dynamoSink({ name: 'bench', client, watermarks, tables: { [topic]: { tableName, key: ['id'] } } });
}

async function icebergOf(engine: Engine): Promise<Sink> {
  const client = new S3Client({ ...(engine.client as object), forcePathStyle: true });
  const bucket = `bench-${randomUUID()}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return icebergSink({ name: 'bench', catalog: icebergFileCatalog({ bucket, prefix: 'changes/', client }) });
}
