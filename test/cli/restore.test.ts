import * as z from 'zod/mini';
import { cloudEvent, outboxRelay, producerVersion, queueTarget } from '../../runtime/outbox/index.js';
import { sqsAggregateConsumer } from '../../runtime/sqs/index.js';
import { newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { inTime, OutboxWorld } from '../outbox/outbox-world.js';
import { newChannel, poll, type Channel } from './channel.js';
import { run } from './command.js';

let world: OutboxWorld;
let channel: Channel;
beforeEach(async () => {
  world = await OutboxWorld.open();
});
afterEach(() => world.close());

async function sweep(): Promise<void> {
  // Younger than the grace of nothing, an event would be left to the stream.
  await new Promise((resolve) => setTimeout(resolve, 5));
  const relay = outboxRelay({
    ...{ table: world.table, retentionSeconds: 7 * 86_400, graceSeconds: 0, dynamodb: world.client },
    targets: [queueTarget({ queueUrl: channel.queueUrl, client: world.queues })],
    ...{ observe: () => undefined, observeGauges: () => undefined },
  });
  await relay({}, inTime);
}

/** A consumer on tables of its own, which may be those of now or those of the backup. */
async function view(): Promise<{ consume: () => Promise<void>; acted: () => Promise<unknown> }> {
  const [views, dedup] = await Promise.all([newTable(world.client, 'name'), newDedupTable(world.client)]);
  const consumer = sqsAggregateConsumer({
    settings: {
      consumerName: 'view',
      dedupTable: dedup.name,
      receiptRetentionSeconds: 86 * 86_400,
      deadLetterQueueUrl: channel.deadLetterQueueUrl,
    },
    schema: cloudEvent(z.object({ account: z.string(), move: z.number() })),
    table: views,
    aggregate: ({ body }) => ({ name: body.aggregate }),
    version: ({ body }) => producerVersion(body),
    reduce: (state: { places: readonly string[] } | undefined, { body }) => ({
      places: [...(state?.places ?? []), `${body.epoch}/${body.version}`],
    }),
    ...{ dynamodb: world.client, sqs: world.queues, observe: () => undefined },
  });
  return {
    consume: () => poll(world.queues, channel, consumer),
    acted: async () => (await row(world.client, views, { name: 'ann' }))?.places,
  };
}

/** Three events are sent and wait in the queue at the moment of the backup; after it they are acted on, in vain. */
async function restoredWithMessagesInFlight(fifo: boolean) {
  channel = await newChannel(world.queues, fifo);
  await world.publish(['ann', 'ann', 'ann']);
  await sweep();
  const before = await view();
  await before.consume();
  expect(await before.acted()).toEqual(['1/1', '1/2', '1/3']);
  // The consumer's tables are those of the backup: they know of nothing. The outbox is as it was then.
  return view();
}

const restore = (...more: string[]) =>
  run('restore', '--new-epoch', '2', '--outbox', world.table, ...more, '--json');

/** One more event, under the new epoch. */
async function publishAfter(): Promise<void> {
  const after = world.inEpoch('2');
  await after.publish(['ann']);
  after.close();
  await sweep();
}

test.each([true, false])(
  'R37: after a restore with messages in flight every event is acted on, in order; run dry before and again after it (FIFO: %s)',
  async (fifo) => {
    const { consume, acted } = await restoredWithMessagesInFlight(fifo);
    const dry = await restore('--dry-run');
    expect(dry.status).toBe(0);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      ...{ epoch: '2', dryRun: true, notFound: [] },
      sources: [{ source: 'bank', ended: ['1'], streams: 1 }],
      resent: { streams: 1, events: 3, cut: [] },
    });
    await sweep();
    await consume();
    expect(await acted()).toBeUndefined();

    expect(await restore()).toMatchObject({ status: 0 });
    await sweep();
    await consume();
    expect(await acted()).toEqual(['1/1', '1/2', '1/3']);

    expect(await restore()).toMatchObject({ status: 0 });
    await publishAfter();
    await consume();
    expect(await acted()).toEqual(['1/1', '1/2', '1/3', '2/1']);
  },
);

test('a publisher that was not stopped fails under the old epoch, and loses nothing', async () => {
  await restoredWithMessagesInFlight(false);
  await restore();
  expect(await world.publish(['ann'])).toEqual(['retry']);
});

test('what is not found is said: a source of another name', async () => {
  const { consume, acted } = await restoredWithMessagesInFlight(false);
  const { status, stdout } = await restore('--sources', 'bank', 'shop');
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ notFound: ['shop'] });
  await sweep();
  await consume();
  expect(await acted()).toEqual(['1/1', '1/2', '1/3']);
});

test.each(['', 'v/2', 'x'.repeat(1_025)])(
  'an epoch that no publisher can have closes nothing: %#',
  async (epoch) => {
    await world.publish(['ann']);
    const before = await world.rows();
    for (const wrong of [
      ['--new-epoch', epoch],
      ['--new-epoch', '2', '--sources', epoch.replace('v/2', '')],
    ]) {
      const refused = await run('restore', '--outbox', world.table, ...wrong);
      expect(refused).toMatchObject({
        status: 2,
        stdout: '',
        stderr: expect.stringContaining('of the outbox must be'),
      });
    }
    expect(await world.rows()).toEqual(before);
  },
);

test('an epoch that was used is refused, and nothing is sent again', async () => {
  const { consume, acted } = await restoredWithMessagesInFlight(false);
  const refused = await run('restore', '--new-epoch', '1', '--outbox', world.table);
  expect(refused).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('choose an epoch that was never used'),
  });
  await sweep();
  await consume();
  expect(await acted()).toBeUndefined();
});
