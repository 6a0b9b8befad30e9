import type { S3Client } from '@aws-sdk/client-s3';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { parquetReadObjects } from 'hyparquet';
import { icebergFileCatalog, icebergSink } from '../../runtime/cdc/index.js';
import { entriesOf, manifestsOf } from '../../runtime/cdc/iceberg/manifests.js';
import { emptied, newBucket, s3 } from './lake.js';
import { sinkFaultContract } from './fault-contract.js';
import { sinkContract, type Held, type OpenedSink } from './sink-contract.js';

const client = s3();
const options = { schema: { n: 'long', f: 'double' }, maxRowBytes: 4_000 } as const;
afterAll(() => client.destroy());

sinkContract('the Iceberg sink', open, { keeps: 'changes' });

sinkFaultContract('the Iceberg sink', open, {
  refused: [
    ['that is too large', { id: 'w', v: 'x'.repeat(4_000) }, 'RowTooLarge'],
    ['whose column has another type', { id: 'w', v: 'x', n: 'text' }, 'SchemaChanged'],
    ['whose double is some other text', { id: 'w', v: 'x', f: '1.5' }, 'SchemaChanged'],
    ['whose number does not fit', { id: 'w', v: 'x', n: 2.5 }, 'SchemaChanged'],
  ],
  // Debezium tells what JSON has no number for as text.
  wider: { id: 'w', v: 'x', n: 1, f: '-Infinity', extra: 1 },
});

async function open(): Promise<OpenedSink> {
  const bucket = await newBucket(client);
  const catalog = (over: S3Client, at = bucket) =>
    icebergFileCatalog({ bucket: at, prefix: 'payments/', client: over });
  return {
    topic: 'shop.public.payments',
    sink: ({ loseAnswers = 0 } = {}) =>
      icebergSink({ name: 'lake', catalog: catalog(losing(client, loseAnswers)), ...options }),
    unusable: () => icebergSink({ name: 'lake', catalog: catalog(client, 'no-such-bucket'), ...options }),
    held: () => heldIn(bucket, catalog(client)),
    clear: () => emptied(client, bucket),
    close: () => Promise.resolve(),
  };
}

/** Every row that the current snapshot refers to, in the order of the commits. */
async function heldIn(bucket: string, catalog: ReturnType<typeof icebergFileCatalog>): Promise<Held[]> {
  const { metadata } = await catalog.load();
  const current = metadata?.snapshots.find(
    (known) => known['snapshot-id'] === metadata['current-snapshot-id'],
  );
  if (current === undefined) return [];
  const held: Held[] = [];
  for (const manifest of await manifestsOf(catalog, current)) {
    for (const { data_file } of await entriesOf(catalog, manifest)) {
      const bytes = await bytesOf(bucket, data_file.file_path);
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
      for (const { _op, _key, _row } of await parquetReadObjects({ file })) {
        const { id } = JSON.parse(String(_key)) as { id: string };
        held.push(_op === 'delete' ? { id, v: 'deleted' } : { id, v: (JSON.parse(String(_row)) as Held).v });
      }
    }
  }
  return held;
}

async function bytesOf(bucket: string, path: string): Promise<Uint8Array> {
  const Key = path.slice(`s3://${bucket}/`.length);
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}

/** Commits are made, and the next so many answers are lost. */
function losing(real: S3Client, answers: number): S3Client {
  let left = answers;
  return {
    send: async (command: { readonly input: { readonly Key?: string } }) => {
      const answer: unknown = await real.send(command as never);
      const isCommit =
        command.constructor.name === 'PutObjectCommand' && command.input.Key?.endsWith('.metadata.json');
      if (!isCommit || left === 0) return answer;
      left -= 1;
      throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    },
  } as unknown as S3Client;
}
