import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { parquetReadObjects } from 'hyparquet';
import { icebergFileCatalog } from '../../runtime/cdc/index.js';
import { entriesOf, manifestsOf } from '../../runtime/cdc/iceberg/manifests.js';
import { embedded } from '../fixtures/embedded.js';

/** A row of the change log, with the columns that every table has. */
export interface IcebergRow {
  readonly _op: string;
  readonly _key: string;
  readonly _row: string | null;
  readonly _offset: bigint | number;
}

/**
 * Every row of the table's current snapshot: by `pyiceberg`, which shares no code with the sink, where
 * `ICEBERG_PYTHON` names a Python that has it; else from the Parquet files that the manifests name.
 */
export async function icebergRows(client: S3Client, bucket: string, prefix: string): Promise<IcebergRow[]> {
  const python = process.env.ICEBERG_PYTHON;
  const catalog = icebergFileCatalog({ bucket, prefix, client });
  const { version, metadata } = await catalog.load();
  if (python !== undefined) {
    const script = join(__dirname, 'iceberg-read-back.py');
    const place = `${catalog.place}/metadata/v${version}.metadata.json`;
    const most = { maxBuffer: 512 * 1024 * 1024 };
    const { stdout } = await promisify(execFile)(python, [script, place, embedded().client.endpoint], most);
    return (JSON.parse(stdout) as { readonly rows: IcebergRow[] }).rows;
  }
  process.stdout.write('no ICEBERG_PYTHON: the table is read by hyparquet, not by pyiceberg\n');
  const current = metadata?.snapshots.find((one) => one['snapshot-id'] === metadata['current-snapshot-id']);
  const rows: IcebergRow[] = [];
  for (const manifest of current === undefined ? [] : await manifestsOf(catalog, current))
    for (const { data_file } of await entriesOf(catalog, manifest)) {
      const { buffer, byteOffset, byteLength } = await bytesOf(client, bucket, data_file.file_path);
      const file = buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
      rows.push(...((await parquetReadObjects({ file })) as unknown as IcebergRow[]));
    }
  return rows;
}

async function bytesOf(client: S3Client, Bucket: string, path: string): Promise<Uint8Array> {
  const { Body } = await client.send(
    new GetObjectCommand({ Bucket, Key: path.slice(`s3://${Bucket}/`.length) }),
  );
  return (await Body?.transformToByteArray()) ?? new Uint8Array();
}
