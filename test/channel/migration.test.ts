import { setTimeout as sleep } from 'node:timers/promises';
import { table } from '../../runtime/dynamodb/index.js';
import { newChannel, type TestChannel } from '../fixtures/channel.js';
import { dynamo } from '../fixtures/dynamo.js';
import { expectActedOnce, expectInOrder } from './acted.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, sqs } from '../fixtures/queue.js';
import { eventsOf, mortalPoints, SpillWorld } from './spill-world.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});
const kills = Number(process.env.CRASH_HITS ?? 5);

test.each([
  ['keys, without an order', false],
  ['versions, in order', true],
])(
  'a channel moves FIFO -> Standard -> FIFO under load, by %s, producers and consumers killed: nothing lost, doubled or out of order',
  async (_, byVersion) => {
    const world = await SpillWorld.open(byVersion);
    try {
      const third = await newChannel(client, true);
      const channels = [world.fifo, world.standard, third];
      const [accounts, each] = [5, 30];
      const events = eventsOf(accounts, each);
      const parts = Array.from({ length: 15 }, (_, i) => events.slice(i * 10, (i + 1) * 10));
      // The last ones are for those who have not died by then.
      const tail = parts.at(-1)?.splice(-mortalPoints.length) ?? [];
      const sent = new AbortController();
      const consumed = (async () => {
        for (let i = 0; i < kills * 3 || !sent.signal.aborted; i += 1)
          await world.receive(channels[i % 3] ?? third, 3, i < kills * 3);
      })();
      for (const [i, part] of parts.entries()) {
        const phase = Math.floor(i / 5);
        const [now, next] = [channels[phase] ?? third, channels[phase + 1] ?? third];
        // At the end of a phase one producer has moved and another one has not, and one dies of its last send to the
        // old queue: what it has sent is sent again to the new one.
        const late = i % 5 === 3;
        const half = Math.floor(part.length / 2);
        if (late) {
          await world.sendTo([next.queueUrl, next.queueUrl], part.slice(0, half), false);
          await world.sendTo([now.queueUrl, now.queueUrl], part.slice(half), false);
        } else await world.sendTo([now.queueUrl, next.queueUrl], part, i % 5 === 4 || i % 2 === 0);
        await sleep(30);
      }
      sent.abort();
      await consumed;
      await world.receiveAtEachPoint(third, tail);
      for (let i = 0; i < 2; i += 1) {
        for (const channel of channels) await world.receive(channel, 200, false);
        await sleep(2_100);
      }
      for (const channel of channels) await world.receive(channel, 200, false);

      reportFigures(`moved by ${byVersion ? 'version' : 'key'}`, {
        events: events.length,
        producerDeaths: world.producerDeaths,
        receiverDeaths: world.receiverDeaths,
      });
      const effects = table({ name: world.effects, partitionKey: 'name' });
      if (byVersion) await expectInOrder(dynamodb, effects, accounts, each);
      else await expectActedOnce(dynamodb, effects, events);
      for (const { queueUrl, deadLetterQueueUrl } of channels)
        expect([await drain(client, queueUrl), await drain(client, deadLetterQueueUrl)]).toEqual([[], []]);
      expect(world.producerDeaths['after-send']).toBeGreaterThan(2);
      expect(Object.keys(world.receiverDeaths).sort()).toEqual([...mortalPoints].sort());
    } finally {
      await world.close();
    }
  },
  60_000 + 10_000 * kills,
);

test(
  'an order that only the queue has given is kept from FIFO to FIFO, while the new queue waits: producers and consumers killed',
  async () => {
    const world = await SpillWorld.open(false);
    world.inOrder = true;
    try {
      const [old, next] = [world.fifo, await newChannel(client, true)];
      const [accounts, each] = [4, 20];
      const events = eventsOf(accounts, each);
      const parts = Array.from({ length: 8 }, (_, i) => events.slice(i * 10, (i + 1) * 10));
      const tail = parts.at(-1)?.splice(-mortalPoints.length) ?? [];
      // The fifth is sent to the old queue by one that dies of it, and once more to the new one.
      for (const [i, part] of parts.entries()) {
        const [queue, after] = i < 4 ? [old, old] : i === 4 ? [old, next] : [next, next];
        await world.sendTo([queue.queueUrl, after.queueUrl], part, i % 2 === 0);
        if (i < 6) await world.receive(old, 2, true);
      }
      // Nothing of the new one before the old one is empty.
      await untilEmpty(world, old);
      for (let i = 0; i < 2; i += 1) await world.receive(next, 2, true);
      await untilEmpty(world, next);
      await world.receiveAtEachPoint(next, tail);
      await untilEmpty(world, next);

      const effects = table({ name: world.effects, partitionKey: 'name' });
      await expectActedOnce(dynamodb, effects, events);
      await expectInOrder(dynamodb, effects, accounts, each);
      expect(await drain(client, next.queueUrl)).toEqual([]);
      for (const { deadLetterQueueUrl } of [old, next])
        expect(await drain(client, deadLetterQueueUrl)).toEqual([]);
      expect(world.producerDeaths['after-send']).toBeGreaterThan(2);
      expect(Object.keys(world.receiverDeaths).sort()).toEqual([...mortalPoints].sort());
    } finally {
      await world.close();
    }
  },
  60_000 + 10_000 * kills,
);

/** What a killed one has received comes again when its visibility timeout ends. */
async function untilEmpty(world: SpillWorld, channel: TestChannel): Promise<void> {
  for (let i = 0; i < 3; i += 1) {
    if (i > 0) await sleep(2_100);
    await world.receive(channel, 200, false);
  }
}
