import { randomBytes } from 'node:crypto';
import type * as Avro from 'avsc';
import { unlessMissing } from '../../dedup/package-missing.js';

const feature = 'a sink that writes to Iceberg';

/**
 * An Avro container of one uncompressed block. Written by hand, because Iceberg finds columns by the `field-id` in
 * the header's schema, and a schema that a library has parsed has lost it.
 *
 * @see https://avro.apache.org/docs/1.11.1/specification/#object-container-files
 */
export async function avroFile(
  schema: object,
  rows: readonly object[],
  metadata: Readonly<Record<string, string>>,
): Promise<Buffer> {
  const { Type } = await loadAvro();
  const type = Type.forSchema(schema as never);
  const header = Type.forSchema({ type: 'map', values: 'bytes' });
  const long = Type.forSchema('long');
  const entries = { ...metadata, 'avro.schema': JSON.stringify(schema), 'avro.codec': 'null' };
  const bytes = Object.fromEntries(Object.entries(entries).map(([key, text]) => [key, Buffer.from(text)]));
  const sync = randomBytes(16);
  const block = Buffer.concat(rows.map((row) => type.toBuffer(row)));
  return Buffer.concat([
    Buffer.from('Obj\x01', 'latin1'),
    header.toBuffer(bytes),
    sync,
    ...(rows.length === 0 ? [] : [long.toBuffer(rows.length), long.toBuffer(block.byteLength), block, sync]),
  ]);
}

/** The rows of an Avro container. */
export async function avroRows<T>(bytes: Uint8Array): Promise<T[]> {
  const { streams } = await loadAvro();
  const decoder = new streams.BlockDecoder();
  return new Promise((resolve, reject) => {
    const rows: T[] = [];
    decoder.on('data', (row: T) => rows.push(row));
    decoder.on('end', () => resolve(rows));
    decoder.on('error', reject);
    decoder.end(Buffer.from(bytes));
  });
}

async function loadAvro(): Promise<typeof Avro> {
  const loaded = await import('avsc').catch(unlessMissing('avsc', feature));
  return (loaded as { readonly default?: typeof Avro }).default ?? loaded;
}
