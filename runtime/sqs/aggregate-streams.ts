import type { DynamoDBClient } from '../dynamodb/new-client.js';
import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import type { AggregateStoreOptions } from '../dynamodb/aggregate-store.js';
import type { ParkedFailed } from '../dedup/errors.js';
import type { ItemAddress } from '../dynamodb/table.js';
import type { KeySource } from '../consumer/message.js';
import type { ConsumerSettings } from './settings.js';
import { logLine } from '../telemetry/log-line.js';

/** One stream of one aggregate, as text. */
export function streamOf(address: ItemAddress, stream: string): string {
  return JSON.stringify([address.id, stream]);
}

/** A message like the one that was parked: its body has the same values, and its message id is made up. */
export function restore({ carried, version }: ParkedFailed, carrier: SQSRecord): SQSRecord {
  const { body, attributes, group } = JSON.parse(carried) as KeySource<unknown>;
  const messageAttributes: SQSMessageAttributes = {};
  for (const [name, stringValue] of Object.entries(attributes))
    messageAttributes[name] = { dataType: 'String', stringValue };
  return {
    ...carrier,
    messageId: `${carrier.messageId}@${version}`,
    body: JSON.stringify(body),
    messageAttributes,
    attributes: { ...carrier.attributes, ...(group !== undefined && { MessageGroupId: group }) },
  };
}

/** Takes a stream off the list of those that stand still. Where that fails it stays listed, and a resume of it finds nothing to do. */
export function wentOn(
  client: DynamoDBClient,
  { dedupTable, consumerName }: ConsumerSettings,
): AggregateStoreOptions['wentOn'] {
  if (dedupTable === undefined) return undefined;
  return async (address, stream, limits) => {
    try {
      const { GroupStore } = await import('../dynamodb/group-store.js');
      const { groupStreamOf } = await import('../consumer/give-up.js');
      const groups = new GroupStore(client, dedupTable, consumerName);
      const row = await groups.read(groupStreamOf(streamOf(address, stream)), limits);
      if (row?.state === 'stopped') await groups.open(row, limits);
    } catch (error) {
      logLine({ exactlyOnce: 'still listed as stopped', stream, error: String(error) });
    }
  };
}
