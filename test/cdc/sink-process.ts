import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { Pool } from 'pg';
import {
  debezium,
  dynamoSink,
  icebergFileCatalog,
  icebergSink,
  postgresSink,
  runSink,
  s3Sink,
  type Sink,
} from '../../runtime/cdc/index.js';
import { sleep } from '../../runtime/dedup/sleep.js';
import { systemId } from './debezium-record.js';
import { keptLog } from './log-file.js';
import { topics } from './plan.js';

export interface Order {
  /** Folder of the log: see log-file.ts. */
  readonly log: string;
  readonly batchRows: number;
  /** One that is to be killed: it takes its time, so that work is left, and stays at the end of the log. */
  readonly mortal?: boolean;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
  readonly sink:
    | { readonly kind: 's3' | 'iceberg'; readonly bucket: string }
    | { readonly kind: 'postgres'; readonly url: string }
    | {
        readonly kind: 'dynamodb';
        readonly watermarks: string;
        readonly payments: string;
        readonly accounts: string;
      };
}

/** What Debezium's rows go into. `payments` counts its writes in each store: see kills.test.ts. */
function sinkOf({ sink, client }: Order): Sink {
  const name = 'kills';
  switch (sink.kind) {
    case 's3':
      return s3Sink({ name, bucket: sink.bucket, client: new S3Client({ ...client, forcePathStyle: true }) });
    case 'iceberg': {
      const s3 = new S3Client({ ...client, forcePathStyle: true });
      return icebergSink({
        name,
        catalog: icebergFileCatalog({ bucket: sink.bucket, prefix: 'changes/', client: s3 }),
      });
    }
    case 'postgres':
      return postgresSink({
        name,
        pool: new Pool({ connectionString: sink.url, max: 2 }),
        tables: {
          [topics[0]]: { table: 'payments', key: ['id'], columns: ['v'] },
          [topics[1]]: { table: 'accounts', key: ['id'], columns: ['balance'] },
        },
      });
    case 'dynamodb': {
      let writes = 0;
      return dynamoSink({
        name,
        client: new DynamoDBClient(client),
        watermarks: sink.watermarks,
        tables: {
          // An item for every write, however often one row is written.
          [topics[0]]: {
            tableName: sink.payments,
            key: ['id'],
            item: (row) => ({ ...row, write: `${process.pid}-${(writes += 1)}` }),
          },
          [topics[1]]: { tableName: sink.accounts, key: ['id'] },
        },
      });
    }
  }
}

/** Waits up to 30 ms before each write. */
function slow(sink: Sink): Sink {
  return {
    ...sink,
    open: (partition) => sink.open(partition),
    write: async (batch) => {
      await sleep(Math.random() * 30);
      return sink.write(batch);
    },
  };
}

/** A process that writes the log to its end. A mortal one ends only by a kill. */
async function main(order: Order): Promise<void> {
  const source = await keptLog(order.log);
  process.stdout.write('ready\n');
  await runSink({
    source,
    sink: order.mortal === true ? slow(sinkOf(order)) : sinkOf(order),
    decode: debezium({ systemId }),
    batch: { rows: order.batchRows },
    stopAtEnd: order.mortal !== true,
  });
  process.stdout.write('done\n');
  process.exit(0);
}

if (process.argv[2]?.startsWith('{') === true) void main(JSON.parse(process.argv[2]) as Order);
