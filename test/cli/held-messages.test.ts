import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetQueueAttributesCommand,
  type ChangeMessageVisibilityBatchCommandInput,
} from '@aws-sdk/client-sqs';
import { HeldMessages } from '../../cli/held-messages.js';
import { sqs } from '../fixtures/queue.js';
import { newChannel, send } from './channel.js';

const client = sqs();
afterAll(() => client.destroy());

test('what is let go of while a heartbeat is on its way is seen by others at once', async () => {
  const { queueUrl, ...channel } = await newChannel(client, false);
  for (let n = 0; n < 20; n += 1)
    await send(client, { ...channel, queueUrl }, { MessageBody: JSON.stringify({ n }) });
  const slow = sqs();
  const beating = Promise.withResolvers<undefined>();
  const go = Promise.withResolvers<undefined>();
  const over = Promise.withResolvers<undefined>();
  let beats = 0;
  slow.middlewareStack.add(
    (next) => async (args) => {
      const { Entries = [] } = args.input as Partial<ChangeMessageVisibilityBatchCommandInput>;
      const hides = Entries.some(({ VisibilityTimeout = 0 }) => VisibilityTimeout > 0);
      // The heartbeat has two calls to make, and is held up before the second.
      const isSecond = hides && (beats += 1) === 2;
      if (isSecond) {
        beating.resolve(undefined);
        await go.promise;
      }
      const answer = await next(args);
      if (isSecond) over.resolve(undefined);
      return answer;
    },
    { step: 'initialize' },
  );
  {
    await using held = new HeldMessages(slow, queueUrl, 4);
    expect(await held.gather()).toHaveLength(20);
    await beating.promise;
    const released = held.release();
    await Promise.race([released, sleep(500)]);
    go.resolve(undefined);
    await Promise.all([released, over.promise]);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({
        QueueUrl: queueUrl,
        AttributeNames: ['ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    expect(Attributes).toEqual({ ApproximateNumberOfMessagesNotVisible: '0' });
  }
  slow.destroy();
});
