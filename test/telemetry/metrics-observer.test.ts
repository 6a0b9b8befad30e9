import { Metrics } from '@aws-lambda-powertools/metrics';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { metricsObserver, sqsConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import { sqsRecord, sentAgain } from '../../runtime/testing/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';

test('a batch is published once in embedded metric format, with the age of the receipts that suppressed copies', async () => {
  const client = dynamo();
  const [receipts, rows] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  const lines: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const metrics = new Metrics({ namespace: 'exactly-once', serviceName: 'test' });
  const handler = sqsConsumer({
    settings: {
      consumerName: 'measured',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 60,
      deadLetterQueueUrl: 'none',
    },
    schema: z.object({ id: z.string() }),
    key: ({ body }) => body.id,
    handle: (_, tx) => tx.update(rows, { name: 'all' }, { add: { value: 1 } }),
    dynamodb: client,
    observe: metricsObserver(metrics),
  });
  const context = { getRemainingTimeInMillis: () => 30_000 };
  const record = sqsRecord({ body: { id: 'a' } });
  await handler({ Records: [record] }, context);
  await handler({ Records: [sentAgain(record)] }, context);
  jest.restoreAllMocks();
  const published = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => '_aws' in line);
  expect(published).toHaveLength(2);
  expect(published[0]).toMatchObject({
    consumer: 'measured',
    processed: 1,
    duplicate: 0,
    retried: 0,
    conflict: 0,
  });
  expect(published[1]).toMatchObject({
    consumer: 'measured',
    processed: 0,
    duplicate: 1,
    receiptAge: expect.any(Number),
  });
  client.destroy();
});

test('what comes again is as old as its first enqueue, whatever the queue counts; what acts has no age', async () => {
  const client = dynamo();
  const receipts = await newTable(client, 'id');
  const summaries: BatchSummary[] = [];
  const lines: string[] = [];
  jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  const published = metricsObserver(new Metrics({ namespace: 'exactly-once', serviceName: 'test' }));
  const handler = sqsConsumer({
    settings: {
      ...{ consumerName: 'aged', dedupTable: receipts.name, receiptRetentionSeconds: 60 },
      deadLetterQueueUrl: 'none',
    },
    schema: z.object({ id: z.string() }),
    key: ({ body }) => body.id,
    handle: ({ body }) => {
      if (body.id !== 'acts') throw new Error('the shop is closed');
    },
    dynamodb: client,
    observe: (summary) => {
      summaries.push(summary);
      published(summary);
    },
  });
  const hoursAgo = (hours: number) => Date.now() - hours * 3_600_000;
  const sent = (id: string, hours: number, first?: number): SQSRecord => {
    const record = sqsRecord({ body: { id } });
    const stringValue = first === undefined ? undefined : new Date(hoursAgo(first)).toISOString();
    return {
      ...record,
      attributes: { ...record.attributes, SentTimestamp: String(hoursAgo(hours)) },
      messageAttributes: {
        ...(stringValue && { ExactlyOnceFirstEnqueue: { stringValue, dataType: 'String' } }),
      },
    };
  };
  const context = { getRemainingTimeInMillis: () => 30_000 };
  await handler({ Records: [sent('acts', 90)] }, context);
  await handler({ Records: [sent('acts', 90), sent('young', 1), sent('old', 3)] }, context);
  await handler({ Records: [sent('relayed', 1, 48), sent('clock ahead', 2, -5)] }, context);
  jest.restoreAllMocks();
  expect(summaries.map(({ oldestSeconds }) => Math.round(oldestSeconds / 3600))).toEqual([0, 3, 48]);
  const ages = lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => '_aws' in line)
    .map(({ oldestSeconds }) => oldestSeconds);
  expect(ages).toEqual([undefined, summaries[1]?.oldestSeconds, summaries[2]?.oldestSeconds]);
  client.destroy();
});
