import { CreateQueueCommand, DeleteQueueCommand } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import { sqsAggregateConsumer } from '../../runtime/sqs/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { newChannel, pump, send } from '../fixtures/channel.js';
import { sqs } from '../fixtures/queue.js';

const client = dynamo();
const queue = sqs();
afterAll(() => {
  client.destroy();
  queue.destroy();
});

test('R56: a warm instance that meets a queue made again under its name loses nothing and doubles nothing', async () => {
  const [purses, channel] = await Promise.all([newTable(client, 'name'), newChannel(queue)]);
  const instance = () =>
    sqsAggregateConsumer<z.core.$ZodType<{ n: string }>, { log: string }>({
      settings: {
        consumerName: 'purse',
        onFailure: 'skip',
        queueUrl: channel.queueUrl,
        deadLetterQueueUrl: channel.deadLetterQueueUrl,
      },
      schema: z.object({ n: z.string() }),
      table: purses,
      aggregate: () => ({ name: 'p' }),
      version: 'sequence-number',
      reduce: (state, { body }) => ({ log: `${state?.log ?? ''}${body.n} ` }),
      dynamodb: client,
      sqs: queue,
      observe: () => undefined,
    });
  const warm = instance();
  /** The emulator's numbers go on after a queue is made again, AWS's do not have to. */
  let first: bigint | undefined;
  const counted = (handler: ReturnType<typeof instance>) => {
    const numbered: typeof handler = ({ Records }, context) => {
      const renumbered = Records.map((one): SQSRecord => {
        const given = BigInt(one.attributes.SequenceNumber ?? 0);
        first ??= given;
        return { ...one, attributes: { ...one.attributes, SequenceNumber: String(given - first + 1n) } };
      });
      return handler({ Records: renumbered }, context);
    };
    return numbered;
  };
  for (const n of ['a', 'b', 'c']) await send(queue, channel.queueUrl, { n }, 'g');
  await pump(queue, channel, counted(warm));

  await queue.send(new DeleteQueueCommand({ QueueUrl: channel.queueUrl }));
  // When a queue was made is told in seconds.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const QueueName = channel.queueUrl.split('/').at(-1);
  await queue.send(new CreateQueueCommand({ QueueName, Attributes: { FifoQueue: 'true' } }));
  first = undefined;
  for (const n of ['d', 'e', 'f', 'g']) await send(queue, channel.queueUrl, { n }, 'g');
  const lost = counted(warm);
  // Its answer does not arrive, and another instance is given the same.
  await pump(
    queue,
    channel,
    async (event, context) => {
      await lost(event, context);
      throw new Error('lost');
    },
    { batches: 1 },
  );
  await pump(queue, channel, counted(instance()));
  expect((await row(client, purses, { name: 'p' }))?.log).toBe('a b c d e f g ');
});
