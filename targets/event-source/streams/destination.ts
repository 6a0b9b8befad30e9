import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueUrlCommand, SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import type { Target } from '../../target.js';
import type { StreamMapping } from './mapping.js';
import type { StreamRecord } from './record.js';

/** Records that Lambda has given up, and why. */
export interface Discarded {
  readonly records: readonly StreamRecord[];
  readonly shardId: string;
  readonly condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded';
  /** How often the function was given them. */
  readonly invocations: number;
  readonly functionError: string | undefined;
}

/**
 * Tells the mapping's on-failure destination about discarded records: a queue gets their place in the stream, a
 * bucket gets them whole, too. Without a destination they are gone.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 */
export class Destination {
  readonly #s3: S3Client;

  readonly #sqs: SQSClient;

  constructor(target: Target, sqs: SQSClient) {
    this.#sqs = sqs;
    // Emulators have no host per bucket.
    this.#s3 = new S3Client({ ...target.client, forcePathStyle: true });
  }

  async send(mapping: StreamMapping, discarded: Discarded): Promise<void> {
    const { onFailure, uuid } = mapping;
    if (onFailure === undefined) return;
    const now = new Date();
    const report = reportOf(mapping, discarded, now);
    const [, , service, , account, name = ''] = onFailure.split(':');
    if (service === 's3') {
      const [day = '', time = ''] = now.toISOString().split('T');
      const stamp = `${day}T${time.slice(0, 8).replaceAll(':', '.')}`;
      await this.#s3.send(
        new PutObjectCommand({
          Bucket: name,
          Key: `aws/lambda/${uuid}/${discarded.shardId}/${day.replaceAll('-', '/')}/${stamp}-${randomUUID()}`,
          // The page shows a text here, not an object.
          Body: JSON.stringify({ ...report, payload: JSON.stringify({ Records: discarded.records }) }),
        }),
      );
      return;
    }
    const { QueueUrl } = await this.#sqs.send(
      new GetQueueUrlCommand({ QueueName: name, QueueOwnerAWSAccountId: account }),
    );
    await this.#sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(report) }));
  }

  close(): void {
    this.#s3.destroy();
  }
}

function reportOf(mapping: StreamMapping, discarded: Discarded, now: Date): object {
  const { records, condition, invocations, functionError, shardId } = discarded;
  const [first, last] = [records[0]?.dynamodb, records.at(-1)?.dynamodb];
  const arrival = (seconds = 0) => new Date(seconds * 1000).toISOString();
  return {
    requestContext: {
      requestId: randomUUID(),
      functionArn: mapping.functionArn,
      condition,
      approximateInvokeCount: invocations,
    },
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      ...(functionError !== undefined && { functionError }),
    },
    version: '1.0',
    timestamp: now.toISOString(),
    DDBStreamBatchInfo: {
      shardId,
      startSequenceNumber: first?.SequenceNumber,
      endSequenceNumber: last?.SequenceNumber,
      approximateArrivalOfFirstRecord: arrival(first?.ApproximateCreationDateTime),
      approximateArrivalOfLastRecord: arrival(last?.ApproximateCreationDateTime),
      batchSize: records.length,
      streamArn: mapping.streamArn,
    },
  };
}
