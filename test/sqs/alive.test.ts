import { UpdateItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import * as z from 'zod/mini';
import { sqsAggregateConsumer, sqsNaturalConsumer } from '../../runtime/sqs/index.js';
import { table } from '../../runtime/dynamodb/index.js';
import { Mortal, type Habitat } from '../fixtures/mortal.js';

const Body = z.object({ id: z.string(), version: z.string() });

// Nobody waits for anything here but the dead, who would wake up at the end of their time, in other tests.
beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'Date', 'performance'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const common = ({ dynamodb, sqs, deadLetterQueueUrl }: Habitat) => ({
  settings: {
    consumerName: 'mortal',
    dedupTable: Mortal.receipts,
    receiptRetentionSeconds: 3600,
    deadLetterQueueUrl,
  },
  schema: Body,
  dynamodb,
  sqs,
  observe: () => undefined,
});

/** A message that runs alone, as a suspect, and is through each time; the answer is lost each time. */
async function alwaysLost(world: Mortal, version: string): Promise<unknown[]> {
  world.queue.send({ text: JSON.stringify({ id: 'a', version }), group: 'g' });
  for (let time = 0; time < 8; time += 1) await world.lostBatch();
  await world.run();
  return world.dead.drain();
}

test('R46: a message that runs alone and lives is not called dead, however often its acknowledgement is lost', async () => {
  const acted: string[] = [];
  const world = new Mortal({
    fifo: false,
    consumer: (habitat) =>
      sqsNaturalConsumer({ ...common(habitat), handle: ({ body }) => void acted.push(body.id) }),
  });
  expect(await alwaysLost(world, '1')).toEqual([]);
  expect(new Set(acted)).toEqual(new Set(['a']));
});

/** A client that has lost the answer to its first lone start, and sends it again, as the SDK does. */
function startingTwice(client: DynamoDBClient): DynamoDBClient {
  let left = 1;
  const send = async (command: UpdateItemCommand) => {
    const names = command instanceof UpdateItemCommand ? command.input.ExpressionAttributeNames : undefined;
    if (left > 0 && Object.values(names ?? {}).includes('alone')) {
      left -= 1;
      await client.send(command);
    }
    return client.send(command);
  };
  return { config: client.config, send } as unknown as DynamoDBClient;
}

test('R46: one death and a lost answer to its start are not two deaths', async () => {
  const acted: string[] = [];
  let deaths = 3;
  const world = new Mortal({
    fifo: false,
    consumer: (habitat) =>
      sqsNaturalConsumer({
        ...common({ ...habitat, dynamodb: startingTwice(habitat.dynamodb) }),
        handle: ({ body }) => {
          // Two deaths make a suspect, and in the third it is alone.
          deaths -= 1;
          if (deaths >= 0) throw habitat.die();
          acted.push(body.id);
        },
      }),
  });
  world.queue.send({ text: JSON.stringify({ id: 'a', version: '1' }), group: 'g' });
  await world.run();
  expect(world.dead.drain()).toEqual([]);
  expect(world.deaths).toBe(3);
  expect(acted).toEqual(['a']);
});

test('R45: a parked event is not called dead when what is delivered of it ran alone', async () => {
  const world = new Mortal({
    fifo: false,
    consumer: (habitat) =>
      sqsAggregateConsumer<typeof Body, { ids: readonly string[] }>({
        ...common(habitat),
        table: table({ name: Mortal.effects, partitionKey: 'name' }),
        aggregate: () => ({ name: 'all' }),
        version: ({ body }) => ({ source: 'producer', version: body.version }),
        reduce: (state, { body }) => ({ ids: [...(state?.ids ?? []), body.id] }),
      }),
  });
  expect(await alwaysLost(world, '2')).toEqual([]);
});
