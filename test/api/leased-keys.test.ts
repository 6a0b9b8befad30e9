import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { leases, type LeaseEvent } from '../../runtime/lease/index.js';
import type { ProviderKind } from '../lease/provider.js';
import { times } from '../lease/worker-orders.js';
import { ask, Charges, dyingOnce, once, patiently, type Twist } from './charges.js';
import { day, json } from './payments.js';

let charges: Charges;
beforeAll(async () => {
  charges = await Charges.start();
});
afterAll(async () => charges.stop());

test.each<[string, ProviderKind, Twist & { reset?: boolean }]>([
  ['made its effect', 'nothing', dyingOnce()],
  ['may have made it', 'keys', { reset: true }],
  ['may have made it, and the other side can be asked', 'look-up', { reset: true }],
])('6: another request under the key of one that %s is 422 and does nothing', async (_, kind, twist) => {
  const asked = once();
  const events: string[] = [];
  const observe = ({ kind: event }: LeaseEvent) => events.push(event);
  const { maxClockSkewSeconds } = times;
  const on = charges.api(kind, { ...twist, more: { leases: leases({ maxClockSkewSeconds, observe }) } });
  const other = { ...once(), key: asked.key };
  expect((await ask(on, asked)).status).toBeGreaterThanOrEqual(500);
  expect(json(await patiently(on, other))).toMatchObject({ type: 'urn:exactly-once-aws:problem:key-reused' });
  expect((await patiently(on, asked)).status).toBe(201);
  expect((await ask(on, other)).status).toBe(422);
  expect([charges.acts(kind, asked), await charges.payments(asked)]).toEqual([1, 1]);
  expect([charges.acts(kind, other), await charges.payments(other)]).toEqual([0, undefined]);
  // Of the first request alone: the other one has called nobody.
  expect(events.filter((event) => event === 'unknown-outcome')).toHaveLength(twist.reset ? 1 : 0);
});

test('2, 6: a receipt that outlives its lease is asked before the handler: a replay makes no effect, nor does a reused key', async () => {
  const asked = once();
  const on = charges.api('nothing');
  const first = await ask(on, asked);
  await forgetLeases();
  expect(await ask(on, asked)).toMatchObject({
    body: first.body,
    headers: { 'idempotent-replayed': 'true' },
  });
  const other = { ...once(), key: asked.key };
  expect((await ask(on, other)).status).toBe(422);
  expect([charges.acts('nothing', asked), charges.acts('nothing', other)]).toEqual([1, 0]);
});

/** As DynamoDB's TTL deletes them. */
async function forgetLeases(): Promise<void> {
  const TableName = charges.names.receipts;
  const { Items = [] } = await charges.client.send(new ScanCommand({ TableName }));
  const ids = Items.map(({ id }) => id?.S ?? '').filter((id) => id.includes('!once#'));
  expect(ids).not.toEqual([]);
  for (const id of ids)
    await charges.client.send(new DeleteItemCommand({ TableName, Key: { id: { S: id } } }));
}

test('21: after the window the answer is forgotten, the effect is not', async () => {
  const asked = once();
  const on = charges.api('nothing', {
    more: { settings: { apiName: 'brief', dedupTable: charges.names.receipts, windowSeconds: 1 } },
  });
  const first = await ask(on, asked);
  await sleep(2_100);
  const later = await ask(on, asked);
  expect(later.status).toBe(201);
  expect(later.body).not.toBe(first.body);
  expect([charges.acts('nothing', asked), await charges.payments(asked)]).toEqual([1, 2]);
  const { Items = [] } = await charges.client.send(new ScanCommand({ TableName: charges.names.receipts }));
  const leased = Items.find(({ id }) => id?.S?.startsWith('brief!once#'));
  expect(Number(leased?.expiration?.N)).toBeGreaterThan(Date.now() / 1000 + 29 * day);
});
