import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchProcessor,
  EventType,
  processPartialResponse,
  SqsFifoPartialProcessorAsync,
} from '@aws-lambda-powertools/batch';
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { Context, SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { sqsConsumer, type SqsConsumerOptions } from '../../runtime/sqs/index.js';
import { receivedAgain, sentAgain, sqsRecord } from '../../runtime/testing/index.js';
import { row } from '../fixtures/dynamo.js';
import type { Scenario } from './scenario.js';
import type { Pay, SideBySide, Told } from './side-by-side.js';

const Payment = z.object({ name: z.string(), key: z.string(), cents: z.number() });

/** Takes a batch, and says what comes back: `1 of 2 back`. */
type Batch = (...records: SQSRecord[]) => Promise<Told>;

/** What happens to messages of a queue. A message of the group `poison` fails on its first delivery. */
export const batches: readonly Scenario[] = [
  {
    what: 'the first of two groups of a FIFO queue fails (effects of the other)',
    reported: ['TS 2561'],
    theirs: async (both, pay) => [await fifo(both)(...poisoned(pay))],
    ours: async (both, pay) => [await consumer(both)(...poisoned(pay))],
    found: {
      theirs: { effects: 0, told: ['2 of 2 back'] },
      ours: { effects: 1, told: ['1 of 2 back'] },
    },
  },
  {
    what: 'a failed FIFO message comes again to the warm instance, with `skipGroupOnError`',
    reported: ['TS 3673'],
    theirs: async (both, pay) => comesAgain(fifo(both, { skipGroupOnError: true }), pay),
    ours: async (both, pay) => comesAgain(consumer(both), pay),
    found: {
      theirs: { effects: 1, told: ['1 of 1 back', '0 of 1 back'] },
      ours: { effects: 1, told: ['1 of 1 back', '0 of 1 back'] },
    },
  },
  {
    what: 'a batch of two messages that read, add and write one row (2 wanted)',
    reported: ['TS 4760'],
    theirs: async (both, pay) => {
      const standard = new BatchProcessor(EventType.SQS);
      const add = async ({ name }: Pay) => {
        const value = await valueOf(both, name);
        await sleep(50);
        const Item = { name: { S: name }, value: { N: String(value + 1) } };
        await both.client.send(new PutItemCommand({ TableName: both.counters.name, Item }));
      };
      return [await batch(both, standard, add)(...twoKeys(pay))];
    },
    ours: async (both, pay) => {
      const add: Handle = async ({ body: { name } }, tx) => {
        const value = Number((await tx.get(both.counters, { name }, ['value']))?.value ?? 0);
        await sleep(50);
        tx.put(both.counters, { name, value: value + 1 });
      };
      return [await consumer(both, add)(...twoKeys(pay))];
    },
    found: {
      theirs: { effects: 1, told: ['0 of 2 back'] },
      ours: { effects: 2, told: ['0 of 2 back'] },
    },
  },
  {
    what: 'a job is sent once more while it runs, past the 5 minutes of FIFO',
    reported: ['Python 2023'],
    theirs: async (both, pay) => sentWhileRunning(() => fifo(both, { slowMs: 400, prefix: 'jobs' }), pay),
    ours: async (both, pay) => sentWhileRunning(() => consumer(both, slowly(both), 'jobs'), pay),
    found: {
      theirs: { effects: 1, told: ['0 of 1 back', '1 of 1 back'] },
      ours: { effects: 1, told: ['0 of 1 back', '0 of 1 back'] },
    },
  },
];

type Handle = SqsConsumerOptions<typeof Payment>['handle'];

const poisoned = (pay: Pay): SQSRecord[] => [
  sqsRecord({ group: 'poison', body: { ...pay, name: randomUUID(), key: randomUUID() } }),
  sqsRecord({ group: 'healthy', body: pay }),
];

const twoKeys = (pay: Pay): SQSRecord[] =>
  [randomUUID(), randomUUID()].map((key) => sqsRecord({ body: { ...pay, key } }));

async function comesAgain(on: Batch, pay: Pay): Promise<Told[]> {
  const message = sqsRecord({ group: 'poison', body: pay });
  return [await on(message), await on(receivedAgain(message))];
}

/** Two instances of the function. */
async function sentWhileRunning(instance: () => Batch, pay: Pay): Promise<Told[]> {
  const message = sqsRecord({ group: 'jobs', body: pay });
  const first = instance()(message);
  await sleep(100);
  const second = await instance()(sentAgain(message));
  return [await first, second];
}

/** Fails the first message of the group `poison`. */
function failingOnce(): (group: string | undefined) => void {
  let failed = false;
  return (group) => {
    if (group !== 'poison' || failed) return;
    failed = true;
    throw new Error('the first try');
  };
}

/** Powertools' FIFO processor and idempotency, as its documentation joins them. */
function fifo(
  both: SideBySide,
  options: { skipGroupOnError?: boolean; slowMs?: number; prefix?: string } = {},
): Batch {
  const { skipGroupOnError, slowMs = 0, prefix } = options;
  const processor = new SqsFifoPartialProcessorAsync();
  const act = async ({ name }: Pay) => {
    await sleep(slowMs);
    await both.act(name);
  };
  return batch(both, processor, act, { skipGroupOnError, prefix });
}

function batch(
  both: SideBySide,
  processor: BatchProcessor,
  act: (pay: Pay) => Promise<void>,
  { skipGroupOnError, prefix = randomUUID() }: { skipGroupOnError?: boolean; prefix?: string } = {},
): Batch {
  const fail = failingOnce();
  const config = new IdempotencyConfig({ eventKeyJmesPath: 'key' });
  const context = { getRemainingTimeInMillis: () => 5_000 } as Context;
  config.registerLambdaContext(context);
  const settle = makeIdempotent(async (pay: Pay) => act(pay).then(() => true), {
    persistenceStore: both.layer(),
    config,
    keyPrefix: prefix,
  });
  const handle = async (record: SQSRecord) => {
    fail(record.attributes.MessageGroupId);
    await settle(JSON.parse(record.body) as Pay);
  };
  return async (...Records) => {
    const options = { context, throwOnFullBatchFailure: false };
    const { batchItemFailures } =
      processor instanceof SqsFifoPartialProcessorAsync
        ? await processPartialResponse({ Records }, handle, processor, { ...options, skipGroupOnError })
        : await processPartialResponse({ Records }, handle, processor, options);
    return `${batchItemFailures.length} of ${Records.length} back`;
  };
}

/** A consumer of this library. */
function consumer(both: SideBySide, handle?: Handle, name: string = randomUUID()): Batch {
  const fail = failingOnce();
  const handler = sqsConsumer({
    settings: {
      consumerName: name,
      dedupTable: both.receipts.name,
      receiptRetentionSeconds: 86_400,
      deadLetterQueueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/none',
    },
    schema: Payment,
    key: ({ body }) => body.key,
    handle:
      handle ??
      ((message, tx) => {
        fail(message.group);
        tx.update(both.counters, { name: message.body.name }, { add: { value: 1 } });
      }),
    dynamodb: both.client,
    observe: () => undefined,
  });
  return async (...Records) => {
    const { batchItemFailures } = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
    return `${batchItemFailures.length} of ${Records.length} back`;
  };
}

const slowly =
  (both: SideBySide): Handle =>
  async ({ body: { name } }, tx) => {
    await sleep(400);
    tx.update(both.counters, { name }, { add: { value: 1 } });
  };

async function valueOf({ client, counters }: SideBySide, name: string): Promise<number> {
  return Number((await row(client, counters, { name }))?.value ?? 0);
}
