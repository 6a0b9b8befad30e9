import { randomUUID } from 'node:crypto';
import { DependencyFailed, sqsConsumer } from '../../runtime/sqs/index.js';
import { fetchLatest, NoRelatedObject, type RelatedObject } from '../../runtime/webhook/index.js';
import { newTable, row } from '../fixtures/dynamo.js';
import { record } from '../fixtures/queue.js';
import { client } from './world.js';

afterAll(() => client.destroy());

const thin = (id: string) => ({
  ...{ id: `evt_${randomUUID()}`, object: 'v2.core.event', type: 'v1.billing.meter.updated' },
  related_object: { id, type: 'billing.meter', url: `/v1/billing/meters/${id}` },
});

test('a consumer acts by the state as it is when it acts; a sender that is down costs the message nothing', async () => {
  const [receipts, meters] = await Promise.all([newTable(client, 'id'), newTable(client, 'id')]);
  const asked: RelatedObject[] = [];
  let state: string | undefined;
  const consume = sqsConsumer({
    settings: {
      ...{ consumerName: 'meters', dedupTable: receipts.name, receiptRetentionSeconds: 86_400 },
      ...{ deadLetterQueueUrl: 'http://none.invalid', maxFailures: 1 },
    },
    schema: { '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) } },
    key: ({ body }) => (body as { id: string }).id,
    dynamodb: client,
    observe: () => undefined,
    handle: async ({ body }, tx) => {
      const meter = await fetchLatest(body, (related) => {
        asked.push(related);
        return state === undefined ? Promise.reject(new Error('down')) : Promise.resolve({ state });
      });
      tx.update(meters, { id: 'm-1' }, { set: { state: meter?.state }, add: { acts: 1 } });
    },
  });
  const event = thin('m-1');
  const deliver = async () => {
    const { batchItemFailures } = await consume(
      { Records: [record({ body: event })] },
      { getRemainingTimeInMillis: () => 30_000 },
    );
    return batchItemFailures.length;
  };
  // More often than it may fail: there is no dead-letter queue that it could go to.
  for (let tries = 0; tries < 3; tries += 1) expect(await deliver()).toBe(1);
  state = 'active';
  expect(await deliver()).toBe(0);
  state = 'inactive';
  expect(await deliver()).toBe(0);
  expect(await row(client, meters, { id: 'm-1' })).toMatchObject({ state: 'active', acts: 1 });
  expect(asked[0]).toEqual({ id: 'm-1', type: 'billing.meter', url: '/v1/billing/meters/m-1' });
});

test('a sender that does not answer is given up in time, and told so', async () => {
  let aborted = false;
  const hanging = fetchLatest(
    thin('m-1'),
    (_, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise<never>(() => undefined);
    },
    { timeoutSeconds: 0.05 },
  );
  await expect(hanging).rejects.toThrow(DependencyFailed);
  expect(aborted).toBe(true);
});

test('an object that is gone is nothing, and no failure', async () => {
  expect(await fetchLatest<string>(thin('m-1'), () => Promise.resolve(undefined))).toBeUndefined();
});

test.each([
  undefined,
  'text',
  { type: 'invoice.paid', data: { object: { id: 'in_1' } } },
  { related_object: null },
  { related_object: { id: '', type: 'billing.meter' } },
  { related_object: { id: 7, type: 'billing.meter' } },
])('what is no thin event (%j) is refused for good, and nobody is asked', async (event) => {
  const read = jest.fn();
  const refused = await fetchLatest(event, read).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(NoRelatedObject);
  expect(refused).toMatchObject({ final: true });
  expect(read).not.toHaveBeenCalled();
});
