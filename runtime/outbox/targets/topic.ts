import type { SNSClient } from '@aws-sdk/client-sns';
import type { OutboxRow } from '../row.js';
import { bodyOf, inCalls, type RelayTarget } from './target.js';

export interface TopicTargetOptions {
  readonly topicArn: string;
  /** @default - all */
  readonly types?: readonly string[];
  /** @default - a client of the function's own region */
  readonly client?: SNSClient;
}

/** SNS: at most 256 KB in one call. */
const callBytes = 262_144;
const attributeBytes = 200;

/**
 * An SNS standard topic. The message is the event, the attribute `type` its type, for filter policies. Unordered and
 * at least once: a subscriber that needs the order takes it from the event's version.
 *
 * @see https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html
 */
export function topicTarget({ topicArn, types, client }: TopicTargetOptions): RelayTarget {
  let sns = client;
  const most = {
    bytes: callBytes,
    sizeOf: (row: OutboxRow) => Buffer.byteLength(bodyOf(row)) + attributeBytes,
  };
  return {
    name: topicArn,
    types,
    send: (rows) =>
      inCalls(topicArn, rows, most, async (chunk) => {
        const { PublishBatchCommand, SNSClient } = await import('@aws-sdk/client-sns');
        sns ??= new SNSClient({});
        const { Failed = [] } = await sns.send(
          new PublishBatchCommand({
            TopicArn: topicArn,
            PublishBatchRequestEntries: chunk.map((row, index) => ({
              Id: String(index),
              Message: bodyOf(row),
              MessageAttributes: { type: { DataType: 'String', StringValue: row.type } },
            })),
          }),
        );
        return Failed.map(({ Id, Code, Message }) => ({
          row: chunk[Number(Id)],
          code: Code,
          message: Message,
        }));
      }),
  };
}
