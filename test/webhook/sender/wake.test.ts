import { randomUUID } from 'node:crypto';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { maxRunsInARow, shardsNamed, type WakeMessage } from '../../../runtime/webhook/sender/wake.js';
import { drain, sqs } from '../../fixtures/queue.js';
import { answers } from './endpoint-server.js';
import { SenderBatches } from './batches.js';
import { SenderWorld } from './world.js';

const queues = sqs();
let world: SenderWorld;
let wakeQueueUrl: string;
beforeEach(async () => {
  world = await SenderWorld.open(2);
  const made = await queues.send(new CreateQueueCommand({ QueueName: `wake-${randomUUID()}` }));
  wakeQueueUrl = made.QueueUrl!;
});
afterEach(() => world.close());
afterAll(() => queues.destroy());

/** A run of a worker that has no time, or plenty. Returns what it asks of the queue that wakes workers. */
async function asked(message: WakeMessage, milliseconds: number): Promise<WakeMessage[]> {
  const settings = { ...world.settings, wakeQueueUrl };
  const end = Date.now() + milliseconds;
  await world.worker({ settings, sqs: queues, timeoutSeconds: 1 })(
    { Records: [SenderBatches.record(message)] },
    { getRemainingTimeInMillis: () => end - Date.now() },
  );
  return (await drain(queues, wakeQueueUrl)).map(({ Body }) => JSON.parse(Body ?? '') as WakeMessage);
}

const noTime = 0;
const plenty = 300_000;

test('a run whose time is over asks for the next one of its shards, which sends what it left', async () => {
  await world.endpoint('/one');
  await world.take(world.event());
  const next = await asked({ shards: 'all' }, noTime);
  expect(world.server.at('/one')).toHaveLength(0);
  expect(next.sort((a, b) => Number(a.shards[0]) - Number(b.shards[0]))).toEqual([
    { shards: [0], runs: 1 },
    { shards: [1], runs: 1 },
  ]);
  for (const message of next) expect(await asked(message, plenty)).toEqual([]);
  expect(world.server.at('/one')).toHaveLength(1);
});

test('a run that finds nothing to do asks for none, whatever is due later', async () => {
  await world.endpoint('/later');
  world.server.behaviours.set('/later', answers(500));
  await world.take(world.event());
  expect(await asked({ shards: 'all' }, plenty)).toEqual([]);
});

test('runs ask for the next one so often in a row, and leave the rest to the tick', async () => {
  expect(await asked({ shards: [1], runs: maxRunsInARow - 1 }, noTime)).toEqual([
    { shards: [1], runs: maxRunsInARow },
  ]);
  expect(await asked({ shards: [1], runs: maxRunsInARow }, noTime)).toEqual([]);
});

test('of messages that name a shard together, the one that has come the shortest way counts', () => {
  const named = [{ shards: [1], runs: 7 }, { shards: 'all', runs: 9 }, { shards: [1, 2] }, { shards: [99] }];
  expect(
    [
      ...shardsNamed(
        named.map((one) => JSON.stringify(one)),
        3,
      ),
    ].sort(),
  ).toEqual([
    [0, 9],
    [1, 0],
    [2, 0],
  ]);
  expect([...shardsNamed(['no JSON'], 2)]).toEqual([
    [0, 0],
    [1, 0],
  ]);
});
