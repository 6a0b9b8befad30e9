import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { NewerRow } from '../dedup/errors.js';
import { rowVersion } from './receipt.js';

/** The message at which a group stopped. */
export interface GroupHead {
  /** Absent when the body was too broken to tell. */
  readonly key?: string;
  /** SequenceNumber or version. */
  readonly sequence?: string;
  readonly messageId: string;
  /** ISO 8601. */
  readonly firstEnqueue: string;
}

/** Where a group comes from. */
export interface GroupPlace {
  /** Id of the group: the queue's ARN and the MessageGroupId, or an aggregate's item and stream. */
  readonly stream: string;
  /** `aggregate`: one stream of an aggregate, whose later events are parked in its own item. */
  readonly kind: 'group' | 'aggregate';
  readonly queueArn: string;
  readonly group?: string;
}

/** What the dedup table holds of a group that is stopped, or was. */
export interface GroupRow extends GroupPlace {
  /** `resuming`, `skipping`: somebody has decided, and the consumer has not finished. `open`: it flows again. */
  readonly state: 'stopped' | 'resuming' | 'skipping' | 'open';
  /** Why it stopped. */
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  readonly head: GroupHead;
  /** Parking rows ever written. They are never counted anew, so that an old row is never taken for a new one. */
  readonly parked: number;
  /** Of those, done. The head is the next one. */
  readonly drained: number;
  /** What the person who decided gave as the reason. */
  readonly decision?: string;
  /** Of the write that made the row so. */
  readonly token: string;
}

export function groupId(consumerName: string, stream: string): string {
  return `${consumerName}!group#${stream}`;
}

export function parkingId(consumerName: string, stream: string, n: number): string {
  return `${consumerName}!parked#${stream}#${n}`;
}

export function holeId(consumerName: string, stream: string, n: number): string {
  return `${consumerName}!hole#${stream}#${n}`;
}

/** Heading of the index `attention` under which a consumer's holes are found; its stopped groups are under its name. */
export function holesHeading(consumerName: string): string {
  return `${consumerName}!holes`;
}

/** FIFO: where a group of a queue is. */
export function queueGroup(queueArn: string, group: string): GroupPlace {
  return { stream: `${queueArn}#${group}`, kind: 'group', queueArn, group };
}

export function groupItem(consumerName: string, row: GroupRow): Record<string, AttributeValue> {
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
export function readGroupRow(item: Record<string, AttributeValue>): GroupRow {
  if (Number(item.v?.N ?? 0) > rowVersion) throw new NewerRow(item.id?.S ?? '', item.v?.N ?? '', rowVersion);
  const row = Object.entries(unmarshall(item)).filter(([name]) => !ofTheRow.has(name));
  return Object.fromEntries(row) as unknown as GroupRow;
}
