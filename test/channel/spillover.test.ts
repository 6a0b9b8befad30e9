import { setTimeout as sleep } from 'node:timers/promises';
import { channelSender } from '../../runtime/channel/index.js';
import { Pressure } from '../../runtime/channel/pressure.js';
import { dynamo } from '../fixtures/dynamo.js';
import { expectActedOnce, expectInOrder } from './acted.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, newFifoQueue, sqs } from '../fixtures/queue.js';
import { losingAnswers, refusingEntries } from '../fixtures/strict.js';
import { table } from '../../runtime/dynamodb/index.js';
import { newQueue } from '../outbox/outbox-world.js';
import { inGroups, keysIn, throttled } from './sending.js';
import { eventsOf, mortalPoints, SpillWorld } from './spill-world.js';

const client = sqs();
const dynamodb = dynamo();
afterAll(() => {
  client.destroy();
  dynamodb.destroy();
});
const kills = Number(process.env.CRASH_HITS ?? 5);

describe('when FIFO is left, and when the sender comes back', () => {
  const limits = { budgetMs: 180_000, calmMs: 60_000, probeEveryMs: 5_000 };
  const clock = () => {
    const time = { ms: 0 };
    return { time, pressure: new Pressure(limits, () => time.ms) };
  };

  test('a warm-up of minutes is waited for', () => {
    const { time, pressure } = clock();
    for (; time.ms < 179_000; time.ms += 1_000) pressure.throttled();
    expect(pressure.spills).toBe(false);
    time.ms = 180_000;
    pressure.throttled();
    expect(pressure.spills).toBe(true);
  });

  test('a calm in between, and the budget begins anew', () => {
    const { time, pressure } = clock();
    for (; time.ms < 170_000; time.ms += 1_000) pressure.throttled();
    for (time.ms += 61_000; time.ms < 400_000; time.ms += 1_000) pressure.throttled();
    expect(pressure.spills).toBe(false);
  });

  test('accepted probes for as long as a calm bring it back; one that is throttled begins anew', () => {
    const { time, pressure } = clock();
    for (; !pressure.spills; time.ms += 1_000) pressure.throttled();
    const probe = () => {
      time.ms += 5_000;
      expect(pressure.takesProbe()).toBe(true);
      expect(pressure.takesProbe()).toBe(false);
    };
    for (let i = 0; i < 10; i += 1) {
      probe();
      expect(pressure.accepted()).toBe(false);
    }
    probe();
    pressure.throttled();
    for (let i = 0; i < 12; i += 1) {
      probe();
      expect(pressure.accepted()).toBe(false);
    }
    probe();
    expect(pressure.accepted()).toBe(true);
    expect(pressure.spills).toBe(false);
  });
});

test('without a spill-over queue, throttling never leads anywhere else', async () => {
  const queueUrl = await newFifoQueue(client);
  const sender = channelSender({
    settings: { queueUrl },
    spillover: { afterMs: 0 },
    sqs: refusingEntries(sqs(), () => throttled),
    observe: () => undefined,
  });
  await expect(sender.send(inGroups(2, 2), { patienceMs: 300 })).rejects.toMatchObject({ sent: 0 });
  expect(await keysIn(client, queueUrl)).toEqual([]);
});

test('what FIFO may have taken is tried there again before it spills', async () => {
  const [queueUrl, spilloverQueueUrl] = await Promise.all([newFifoQueue(client), newQueue(client, false)]);
  const asked: string[] = [];
  let answers = 0;
  const fifoLoses = losingAnswers(
    refusingEntries(sqs(), (_entry, url) => {
      asked.push(url === queueUrl ? 'fifo' : 'standard');
      if (url !== queueUrl) return undefined;
      // The first is taken, and its answer lost; from then on FIFO throttles.
      return answers === 0 ? undefined : throttled;
    }),
    (command, input) =>
      command === 'SendMessageBatchCommand' &&
      (input as { QueueUrl: string }).QueueUrl === queueUrl &&
      (answers += 1) > 0,
  );
  // Each loss counts for the sender: the SDK is not to hide it.
  fifoLoses.config.maxAttempts = () => Promise.resolve(1);
  const sender = channelSender({
    settings: { queueUrl, spilloverQueueUrl },
    spillover: { afterMs: 0 },
    sqs: fifoLoses,
    observe: () => undefined,
  });
  await sender.send([{ key: 'lost', group: 'g', body: 1 }], { patienceMs: 3_000 });
  // Known to be throttled only at the second try on FIFO, and then it went over.
  expect(asked.filter((where) => where === 'fifo').length).toBeGreaterThanOrEqual(2);
  expect(asked.at(-1)).toBe('standard');
  expect(await keysIn(client, spilloverQueueUrl)).toEqual(['lost']);
});

test.each([
  ['keys, without an order', false],
  ['versions, in order', true],
])(
  `FIFO -> Standard -> FIFO in the middle of a run, by %s, producer and consumers killed: nothing lost, doubled or out of order`,
  async (_, byVersion) => {
    const world = await SpillWorld.open(byVersion);
    try {
      const [accounts, each] = [6, 36];
      const events = eventsOf(accounts, each);
      const chunk = 12;
      const parts = Array.from({ length: Math.ceil(events.length / chunk) }, (_, i) =>
        events.slice(i * chunk, (i + 1) * chunk),
      );
      // The last ones are for receivers that have not died by then.
      const tail = parts.at(-1)?.splice(-mortalPoints.length) ?? [];
      const third = Math.floor(parts.length / 3);
      let deaths = 0;
      const consumed = (async () => {
        for (let i = 0; i < kills * 4; i += 1)
          await world.receive(i % 2 === 0 ? world.fifo : world.standard, 4, true);
      })();
      for (const [i, part] of parts.entries()) {
        if (i === third) {
          // FIFO has them, the producer dies of it, and whoever sends them again is throttled: both queues have them.
          await world.send(part, 1, () => world.throttled(1));
          world.throttled(0.9);
          continue;
        }
        if (i === 2 * third) world.throttled(0);
        // Whoever dies forgets that it has spilled, so the last who spills lives to come back.
        const dies = i % 2 === 1 && i < 2 * third - 2 ? Math.ceil((kills * 2 - deaths) / third) : 0;
        deaths += dies;
        await world.send(part, dies);
        await sleep(60);
      }
      await consumed;
      await world.receiveAtEachPoint(world.fifo, tail);
      // What the killed held comes back after 2 seconds.
      for (let i = 0; i < 3; i += 1) {
        for (const channel of [world.fifo, world.standard]) await world.receive(channel, 200, false);
        await sleep(2_100);
      }
      for (const channel of [world.fifo, world.standard]) await world.receive(channel, 200, false);

      reportFigures(`spill-over by ${byVersion ? 'version' : 'key'}`, {
        events: events.length,
        ...world.figures,
        producerDeaths: world.producerDeaths,
        receiverDeaths: world.receiverDeaths,
      });
      const effects = table({ name: world.effects, partitionKey: 'name' });
      if (byVersion) await expectInOrder(dynamodb, effects, accounts, each);
      else await expectActedOnce(dynamodb, effects, events);
      for (const { queueUrl, deadLetterQueueUrl } of [world.fifo, world.standard])
        expect([await drain(client, queueUrl), await drain(client, deadLetterQueueUrl)]).toEqual([[], []]);
      // A run in which nothing was spilled, or nobody came back or died, has shown nothing.
      expect(world.figures.spilled).toBeGreaterThan(chunk);
      expect(world.figures.back).toBeGreaterThan(0);
      expect(world.producerDeaths['before-send']).toBeGreaterThan(0);
      expect(world.producerDeaths['after-send']).toBeGreaterThan(0);
      expect(Object.keys(world.receiverDeaths).sort()).toEqual([...mortalPoints].sort());
    } finally {
      await world.close();
    }
  },
  60_000 + 10_000 * kills,
);
