import { SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { randomInt, randomUUID } from 'node:crypto';
import type { DeployedStack } from './deployed-stack.js';
import { eventually } from './eventually.js';
import { heldTest } from './held-test.js';
import { newCustomer } from './traffic.js';

export function activityCountsOnce(stack: DeployedStack): void {
  heldTest('activity events that come three times over the Standard queue are counted once', async () => {
    // An hour that no other run counts.
    const hour = new Date(Date.UTC(1970, 0, 1, randomInt(200_000))).toISOString().slice(0, 13);
    const customer = newCustomer();
    const send = async (eventIds: readonly string[]): Promise<void> => {
      const { Failed } = await stack.sqs.send(
        new SendMessageBatchCommand({
          QueueUrl: stack.output('ActivityQueueUrl'),
          Entries: eventIds.map((eventId, index) => ({
            Id: String(index),
            MessageBody: JSON.stringify({ eventId, customer, kind: 'view', at: `${hour}:30:00Z` }),
            MessageGroupId: customer,
          })),
        }),
      );
      expect(Failed ?? []).toEqual([]);
    };
    const counted = async (): Promise<number> => {
      const { Items = [] } = await stack.dynamo.send(
        new ScanCommand({
          TableName: stack.output('ActivityTableName'),
          ConsistentRead: true,
          FilterExpression: 'begins_with(#counter, :hour)',
          ExpressionAttributeNames: { '#counter': 'counter' },
          ExpressionAttributeValues: { ':hour': { S: `view#${hour}` } },
        }),
      );
      return Items.reduce((sum, { events }) => sum + Number(events?.N), 0);
    };
    const events = Array.from({ length: 9 }, () => randomUUID());
    for (let copy = 0; copy < 3; copy += 1) await send(events);
    await stack.quiet('ActivityQueueUrl');
    expect(await eventually('nine events', counted, (count) => count >= 9)).toBe(9);
  });
}
