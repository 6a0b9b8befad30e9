import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import type { Group } from '../dedup/group.js';
import { rowVersion } from './receipt.js';

export function groupId(consumerName: string, stream: string): string {
  return `${consumerName}!group#${stream}`;
}

/** @param part of a message that is too long for one row; the first has no number. */
export function parkingId(consumerName: string, stream: string, n: number, part = 1): string {
  return `${consumerName}!parked#${stream}#${n}${part === 1 ? '' : `#${part}`}`;
}

/** Says that a group of the consumer has been stopped once. */
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
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(item.id?.S ?? '', item.v?.N ?? '', rowVersion);
  const row = Object.entries(unmarshall(item)).filter(([name]) => !ofTheRow.has(name));
  return Object.fromEntries(row) as unknown as Group;
}
