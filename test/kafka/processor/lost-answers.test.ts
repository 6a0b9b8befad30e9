import { LossyFront } from './lossy-front.js';
import { describeWithKafka } from './with-kafka.js';
import { until, World } from './world.js';

/**
 * A broker takes a batch and its answer is lost. The client has it in its queue again, to be sent once more, when the
 * transaction is aborted; what the next one sends must not pass for that batch.
 */
describeWithKafka(__filename)('a transaction that is aborted while a batch is in doubt', () => {
  let front: LossyFront;
  let world: World;
  beforeAll(async () => {
    world = await World.open(1, {
      front: async (port) => {
        front = await LossyFront.before(port);
        return front.port;
      },
    });
  }, 180_000);
  afterAll(async () => {
    await world.close();
    front.close();
  });

  it.each(['first', 'second'])(
    'loses nothing of the %s output',
    async (which) => {
      const [input, first, second] = [`${which}-in`, `${which}-first`, `${which}-second`];
      const values = Array.from({ length: 50 }, (_, index) => `v${index}`);
      await world.createTopics([input, first, second], 1);
      await world.produce(input, values);
      // Longer than a flush waits, which is when it is aborted.
      front.loseAnswer(which === 'first' ? first : second, 7_000);
      const worker = world.work({
        consumerName: which,
        slot: 0,
        topics: [input],
        outputs: [first, second],
        start: 'earliest',
        commitIntervalMs: 300,
        // Longer than the broker is away, so that it is neither the group nor the transaction's time that ends it.
        sessionTimeoutMs: 30_000,
        transactionTimeoutMs: 60_000,
      });
      await until('all committed', async () => (await world.done(which, input)) === values.length);
      worker.signal('SIGTERM');
      await worker.ended;

      expect(worker.error).toBeUndefined();
      expect(worker.lines.filter(({ kind }) => kind === 'aborted')).not.toEqual([]);
      for (const output of [first, second])
        expect(await world.broker.values(output, values.length)).toEqual(values);
    },
    180_000,
  );
});
