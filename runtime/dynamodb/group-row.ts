import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import type { Gate } from '../dedup/failure-store.js';
import type { Group } from '../dedup/group.js';
import { rowVersion } from './receipt.js';

export function groupId(consumerName: string, stream: string): string {
  return `${consumerName}!group#${stream}`;
}

/** @param part of a message that is too long for one row; the first has no number. */
export function parkingId(consumerName: string, stream: string, n: number, part = 1): string {
  return `${consumerName}!parked#${stream}#${n}${part === 1 ? '' : `#${part}`}`;
}

/** Of the one row that says whether groups of the consumer may be stopped. */
export function gateId(consumerName: string): string {
  return `${consumerName}!gate`;
}

export function holeId(consumerName: string, stream: string, n: number): string {
  return `${consumerName}!hole#${stream}#${n}`;
}

/**
 * Heading of the index `attention` under which a consumer's holes are found; its stopped groups are under its name.
 */
export function holesHeading(consumerName: string): string {
  return `${consumerName}!holes`;
}

export function groupItem(consumerName: string, row: Group): Record<string, AttributeValue> {
  const { stream, ...rest } = row;
  return marshall(
    {
      id: groupId(consumerName, stream),
      v: rowVersion,
      stream,
      ...rest,
      // Only who needs attention is in the index.
      attention: row.state === 'open' ? undefined : consumerName,
    },
    { removeUndefinedValues: true },
  );
}

/** Attributes that say nothing of the group. */
const ofTheRow = new Set(['id', 'v', 'attention']);

/** @throws NewerRow when a newer version of this library wrote it (R17). */
export function readGroupRow(item: Record<string, AttributeValue>): Group {
  refuseNewer(item);
  const row = Object.entries(unmarshall(item)).filter(([name]) => !ofTheRow.has(name));
  return Object.fromEntries(row) as unknown as Group;
}

/** One that was written before there were states is open. @throws NewerRow see {@link readGroupRow}. */
export function readGateRow(item: Record<string, AttributeValue>): Gate {
  refuseNewer(item);
  return { state: 'open', from: 0, ...unmarshall(item) } as unknown as Gate;
}

function refuseNewer({ id, v }: Record<string, AttributeValue>): void {
  if (Number(v?.N ?? 0) > rowVersion) throw new NewerRow(id?.S ?? '', v?.N ?? '', rowVersion);
}
