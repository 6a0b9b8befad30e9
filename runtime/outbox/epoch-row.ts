import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import type { ItemAddress } from '../dynamodb/table.js';
import { controlStream, outboxRowVersion } from './row.js';

/** Which epoch of a source is open. There is a row once an epoch was begun with `beginEpoch`. */
export interface EpochRow {
  readonly current: string;
  /** Those before it. */
  readonly ended: readonly string[];
}

export function epochAddress(tableName: string, source: string): ItemAddress {
  const stream = controlStream('epoch', source);
  const key = { stream: { S: stream }, version: { S: 'current' } };
  return { tableName, key, id: JSON.stringify([tableName, stream]) };
}

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readEpochRow(
  item: Readonly<Record<string, AttributeValue>> | undefined,
): EpochRow | undefined {
  const { current, ended, v } = item ?? {};
  if (current?.S === undefined) return undefined;
  if (Number(v?.N ?? 0) > outboxRowVersion)
    throw new NewerRow(`epoch '${current.S}'`, v?.N ?? '', outboxRowVersion);
  return { current: current.S, ended: ended?.SS ?? [] };
}

export function epochItem(source: string, { current, ended }: EpochRow): Record<string, AttributeValue> {
  return {
    stream: { S: controlStream('epoch', source) },
    version: { S: 'current' },
    current: { S: current },
    // DynamoDB has no empty sets.
    ...(ended.length > 0 && { ended: { SS: [...ended] } }),
    v: { N: String(outboxRowVersion) },
  };
}
