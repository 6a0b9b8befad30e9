import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBStreamEvent } from 'aws-lambda';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { outboxRelay, queueTarget, type RelayTarget } from '../../runtime/outbox/index.js';

export interface WorkerOptions {
  readonly table: string;
  readonly graceSeconds: number;
  readonly queueUrls: readonly string[];
  /** FIFO queues are sent every copy under a deduplication id of its own, as if they had forgotten the last one. */
  readonly forgetful: boolean;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
}

export interface WorkerOrder {
  readonly event: DynamoDBStreamEvent | object;
  /** Where to die, and how often to pass there before. */
  readonly dieAt?: { readonly point: CrashPoint; readonly after: number };
}

/** A relay in a process of its own, which can be killed as by an out-of-memory killer. */
const options = JSON.parse(process.argv[2] ?? '') as WorkerOptions;
const sqs = new SQSClient({ ...options.client, useQueueUrlAsEndpoint: false });

function forgetful(queueUrl: string): RelayTarget {
  return {
    name: queueUrl,
    async send(events) {
      for (const { event, group } of events)
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: event,
            MessageGroupId: group,
            MessageDeduplicationId: randomUUID(),
          }),
        );
      return new Map();
    },
  };
}

const relay = outboxRelay({
  table: options.table,
  retentionSeconds: 3600,
  graceSeconds: options.graceSeconds,
  targets: options.queueUrls.map((queueUrl) =>
    options.forgetful && queueUrl.endsWith('.fifo')
      ? forgetful(queueUrl)
      : queueTarget({ queueUrl, client: sqs }),
  ),
  dynamodb: new DynamoDBClient(options.client),
  observe: () => undefined,
  observeGauges: () => undefined,
});

process.on('message', ({ event, dieAt }: WorkerOrder) => {
  let left = dieAt?.after ?? 0;
  armCrashPoints((point) => {
    if (point === dieAt?.point && left-- === 0) process.kill(process.pid, 'SIGKILL');
  });
  void relay(event as DynamoDBStreamEvent, { getRemainingTimeInMillis: () => 30_000 }).then((answer) =>
    process.send?.(answer),
  );
});
