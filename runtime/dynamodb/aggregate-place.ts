import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { RejectMessage } from '../dedup/errors.js';
import type { ItemAddress, Table } from './table.js';

/** One stream of one aggregate, as text that tells it from all others of the consumer: the item, and the stream. */
export function streamText({ id }: ItemAddress, stream: string): string {
  return JSON.stringify([id, stream]);
}

/**
 * The aggregate and its stream that the text is of.
 *
 * @throws RejectMessage when it is not of this table.
 */
export function placeOfText(
  table: Table,
  text: string,
): { readonly address: ItemAddress; readonly stream: string } {
  const attributes = table.sortKey === undefined ? [table.partitionKey] : [table.partitionKey, table.sortKey];
  try {
    const [id, stream] = JSON.parse(text) as [string, string];
    const [tableName, ...values] = JSON.parse(id) as [string, ...string[]];
    if (tableName === table.name && values.length === attributes.length && typeof stream === 'string') {
      const key = Object.fromEntries(attributes.map((name, i) => [name, keyValue(values[i] ?? '')]));
      return { address: { tableName, key, id }, stream };
    }
  } catch {
    // The text is no position of ours.
  }
  throw new RejectMessage(`the position is not of an aggregate in table '${table.name}'`);
}

function keyValue(text: string): AttributeValue {
  const value = text.slice(2);
  if (text.startsWith('S:')) return { S: value };
  return text.startsWith('N:') ? { N: value } : { B: Buffer.from(value, 'base64') };
}
