import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { dynamo } from '../fixtures/dynamo.js';
import { drain, sqs } from '../fixtures/queue.js';
import { newChannel, poll, send } from './channel.js';
import { Ledger } from './ledger.js';

/**
 * What the AWS console and StartMessageMoveTask do: new messages with the same body, new ids, a new sequence number
 * and a new clock. Here without attributes, which is the least that can arrive.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
 */
test.each([true, false])('a redrive of bodies alone, done twice, acts once; FIFO %s', async (fifo) => {
  const client = sqs();
  const dynamodb = dynamo();
  const [channel, ledger] = await Promise.all([newChannel(client, fifo), Ledger.open(dynamodb)]);
  const ids = ['1', '2', '3'];
  for (const id of ids)
    await send(client, channel, { MessageBody: JSON.stringify({ id, group: 'g' }), MessageGroupId: 'g' });
  // The second one acts at once; the others wait for a fix.
  await poll(
    client,
    channel,
    ledger.consumer(client, channel, (id) => id !== '2'),
  );
  const dead = await drain(client, channel.deadLetterQueueUrl);
  expect(dead).toHaveLength(2);
  for (let round = 0; round < 2; round += 1)
    for (const { Body, Attributes } of dead)
      await client.send(
        new SendMessageCommand({
          QueueUrl: channel.queueUrl,
          MessageBody: Body,
          MessageGroupId: Attributes?.MessageGroupId,
          MessageDeduplicationId: fifo ? randomUUID() : undefined,
        }),
      );
  await poll(client, channel, ledger.consumer(client, channel));
  expect(await ledger.read()).toEqual({ logs: { g: ['2', '1', '3'] }, effects: 3 });
  expect(await drain(client, channel.deadLetterQueueUrl)).toEqual([]);
  client.destroy();
  dynamodb.destroy();
});
