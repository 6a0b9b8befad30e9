import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { outboxConditions } from '../../runtime/dynamodb/conditions.js';
import { outboxRelay } from '../../runtime/outbox/index.js';
import { inTime, OutboxWorld } from './outbox-world.js';

/**
 * What the sent mark may not do, whether its condition is as it should be or `true`.
 *
 * @returns what went wrong
 */
async function violations(): Promise<string[]> {
  const world = await OutboxWorld.open();
  const relay = (retentionSeconds: number) =>
    outboxRelay({
      ...{ table: world.table, retentionSeconds, graceSeconds: 60, dynamodb: world.client },
      targets: [{ name: 'everywhere', send: () => Promise.resolve(new Map()) }],
      observe: () => undefined,
    });
  await world.publish(['ann', 'bob']);
  const Records = await (await world.reader())();
  await relay(5000)({ Records }, inTime);
  const [ann, bob] = await world.rows();
  await world.client.send(
    new DeleteItemCommand({
      TableName: world.table,
      Key: { stream: { S: String(bob!['stream']) }, version: { S: String(bob!['version']) } },
    }),
  );
  // A slow relay that has read the same records, deployed with a shorter retention, comes last.
  await relay(10)({ Records }, inTime);
  const rows = await world.rows();
  world.close();
  const found: string[] = [];
  if (rows.length > 1) found.push('a ghost of an expired row');
  if (Number(rows[0]?.['expiration']) < Number(ann!['expiration'])) found.push('a life cut short');
  return found;
}

test('a sent mark makes no row and shortens no life', async () => {
  expect(await violations()).toEqual([]);
});

test.each(Object.keys(outboxConditions) as (keyof typeof outboxConditions)[])(
  'condition %s is found to be true',
  async (id) => {
    const original = outboxConditions[id];
    outboxConditions[id] = `(${original}) OR NOT (${original})`;
    try {
      expect(await violations()).toEqual(['a ghost of an expired row', 'a life cut short']);
    } finally {
      outboxConditions[id] = original;
    }
  },
);
