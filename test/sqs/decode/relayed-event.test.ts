import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { cloudEvent } from '../../../runtime/outbox/index.js';
import { record } from '../../fixtures/queue.js';
import { client, decodingWorld, queue } from './decoding-world.js';

afterAll(() => {
  for (const one of [client, queue]) one.destroy();
});

const time = '2026-11-28T10:00:00.000Z';
const relayed = (rest: object = {}) => ({
  ...{ specversion: '1.0', id: '1/customer/ada/1', source: 'payments', type: 'PaymentSettled', time },
  ...{ subject: 'ada', datacontenttype: 'application/json', epoch: '1', kind: 'customer', aggregate: 'ada' },
  ...{ version: '1', firstenqueue: time, data: { cents: 5 } },
  ...rest,
});
const sns = (message: unknown) => ({
  ...{ Type: 'Notification', MessageId: randomUUID(), TopicArn: 'arn:aws:sns:us-east-1:000000000000:t' },
  ...{ Message: JSON.stringify(message), Timestamp: time, SignatureVersion: '1', Signature: randomUUID() },
  MessageAttributes: { type: { Type: 'String', Value: 'PaymentSettled' } },
});
const bus = (detail: unknown) => ({
  ...{ version: '0', id: randomUUID(), 'detail-type': 'PaymentSettled', source: 'payments', time },
  ...{ account: '000000000000', region: 'us-east-1', resources: [] },
  detail,
});

const Settled = cloudEvent(z.object({ cents: z.int() }));
const world = (decode?: []) =>
  decodingWorld(decode, {
    schema: Settled as never,
    key: ({ body }) => (body as unknown as { id: string }).id,
  });

test('an event of an outbox is known for the same one from queue, topic and bus, and nothing has to be said for it', async () => {
  const { run, acted, letters, attributes } = await world();
  const bodies = [sns(relayed()), relayed(), bus(relayed()), sns(bus(relayed())), sns(relayed())];
  for (const body of bodies) expect(await run(record({ body }))).toEqual([]);
  expect(await run(...bodies.map((body) => record({ body })))).toEqual([]);
  expect([await acted(), await letters()]).toEqual([1, []]);
  expect(attributes[0]).toEqual({ type: 'PaymentSettled' });
});

test('what only looks like one is left in its envelope, and none is taken out where that is not wanted', async () => {
  const Envelope = z.object({ TopicArn: z.string(), Message: z.string() });
  const seen: unknown[] = [];
  for (const [decode, body] of [
    [undefined, sns({ note: 'firstenqueue' })],
    [undefined, sns(relayed({ version: 1 }))],
    [undefined, sns(relayed({ specversion: '0.3' }))],
    [[], sns(relayed())],
  ] as const) {
    const { run, letters } = await decodingWorld(decode, {
      schema: Envelope as never,
      key: ({ body: given }) => (seen.push(given), randomUUID()),
    });
    await run(record({ body }));
    expect(await letters()).toEqual([]);
    expect(seen.pop()).toEqual({ TopicArn: body.TopicArn, Message: body.Message });
  }
});
