import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { drain, sqs } from '../fixtures/queue.js';
import { newQueue } from '../outbox/outbox-world.js';
import { run } from './command.js';

const client = sqs();
afterAll(() => client.destroy());

test('tells what is left in the old queue, and that it is empty when it has been so for a while', async () => {
  const [from, to] = await Promise.all([newQueue(client, false), newQueue(client, false)]);
  for (const QueueUrl of [from, from, to])
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
  const left = await run('migration', '--from', from, '--to', to);
  expect(left.status).toBe(1);
  expect(left.stdout).toMatch(/^old +2 +0 +0$/m);
  expect(left.stdout).toContain('2 messages are left in the old queue: keep its consumer');
  await drain(client, from);
  const done = await run('migration', '--from', from, '--to', to, '--quiet', '1s', '--json');
  expect(done.status).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({ done: true, old: { waiting: 0 }, new: { waiting: 1 } });
});
