import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { audit, type Audit } from '../../drive/audit/audit.js';
import { queueDepth, takeDeadLetters } from '../../drive/audit/dead-letters.js';
import { readEffects } from '../../drive/audit/effects.js';
import type { JournalEntry } from '../../drive/audit/journal.js';
import { embedded } from '../fixtures/embedded.js';

/** What a correct run leaves: each customer with two payments. Tests break it in one place. */
interface State {
  payments: Map<string, { customer: string; cents: number; settlements: number }>;
  accounts: Map<string, { balance: number; payments: number }>;
  shop: Map<string, { credit: number; payments: number }>;
  journal: JournalEntry[];
  dead: { body: string; group: string; note?: string }[];
  poison: Set<string>;
  queued: number;
}

function correct(): State {
  const state: State = {
    payments: new Map(),
    accounts: new Map(),
    shop: new Map(),
    journal: [],
    dead: [],
    poison: new Set(),
    queued: 0,
  };
  for (let index = 0; index < 12; index += 1) {
    const [paymentId, customer, cents] = [`p${index}`, `c${index % 6}`, 100 + index];
    state.journal.push({ paymentId, customer, cents });
    state.payments.set(paymentId, { customer, cents, settlements: 1 });
    const account = state.accounts.get(customer) ?? { balance: 0, payments: 0 };
    state.accounts.set(customer, { balance: account.balance - cents, payments: account.payments + 1 });
    const shard = `s${index % 3}`;
    const row = state.shop.get(shard) ?? { credit: 0, payments: 0 };
    state.shop.set(shard, { credit: row.credit + cents, payments: row.payments + 1 });
  }
  return state;
}

const total = 1266n;
const { client } = embedded();
const dynamo = new DynamoDBClient(client);
const sqs = new SQSClient(client);
afterAll(() => {
  dynamo.destroy();
  sqs.destroy();
});

/** Writes the state into fresh tables and queues of the real engine and audits what is read back. */
async function auditOf(change: (state: State) => void): Promise<Audit> {
  const state = correct();
  change(state);
  const tables = {
    payments: await fill('paymentId', state.payments),
    accounts: await fill('customer', state.accounts),
    shop: await fill('shard', state.shop),
  };
  const [deadLetterQueueUrl, queueUrl] = [await fifoQueue(), await fifoQueue()];
  for (const { body, group, note } of state.dead) await send(deadLetterQueueUrl, group, body, note);
  for (let index = 0; index < state.queued; index += 1) await send(queueUrl, 'c1', '{}');
  return audit({
    journal: state.journal,
    effects: await readEffects(dynamo, tables),
    dead: await takeDeadLetters(sqs, deadLetterQueueUrl, 0),
    poison: state.poison,
    leftInQueue: await queueDepth(sqs, queueUrl),
  });
}

test('a correct run is exactly-once, and the cents agree three ways', async () => {
  const found = await auditOf(() => undefined);
  expect(found).toEqual({
    ...{ verdict: 'exactly-once', effects: 12, lost: 0, doubled: 0, dead: 0, parked: 0, findings: [] },
    cents: { expected: total, payments: total, accounts: total, shop: total },
  });
});

test('finds a payment that never acted', async () => {
  const found = await auditOf((state) => undo(state, 'p4'));
  expect(found).toMatchObject({ verdict: 'violated', effects: 11, lost: 1, doubled: 0 });
  expect(found.cents).toEqual({
    expected: total,
    payments: total - 104n,
    accounts: total - 104n,
    shop: total - 104n,
  });
  expect(found.findings[0]).toBe('1 payment sent but never acted: lost (p4)');
});

test('finds a payment that acted twice', async () => {
  const found = await auditOf((state) => {
    state.payments.get('p4')!.settlements = 2;
    act(state, 'p4');
  });
  expect(found).toMatchObject({ verdict: 'violated', effects: 12, lost: 0, doubled: 1 });
  expect(found.cents).toEqual({
    expected: total,
    payments: total,
    accounts: total + 104n,
    shop: total + 104n,
  });
  expect(found.findings[0]).toBe('1 payment acted more than once: doubled (p4)');
});

test('finds a second effect that reached the account and the shop but not the payment', async () => {
  const found = await auditOf((state) => act(state, 'p4'));
  expect(found).toMatchObject({ verdict: 'violated', lost: 0, doubled: 1 });
  expect(found.findings[0]).toBe('1 account disagree with their payments (c4)');
});

test('finds an account that was never debited', async () => {
  const found = await auditOf((state) => state.accounts.delete('c4'));
  expect(found).toMatchObject({ verdict: 'violated', effects: 12, lost: 1, doubled: 0 });
  expect(found.findings[0]).toContain('moved less than their payments say: lost (c4)');
});

test('finds an account with a wrong balance under a right counter', async () => {
  const found = await auditOf((state) => (state.accounts.get('c4')!.balance -= 1));
  expect(found).toMatchObject({ verdict: 'violated', lost: 0, doubled: 1 });
  expect(found.cents.accounts).toBe(total + 1n);
});

test('finds a payment that acted but was never sent', async () => {
  const found = await auditOf((state) => {
    state.payments.set('intruder', { customer: 'c4', cents: 0, settlements: 1 });
    state.accounts.get('c4')!.payments += 1;
    state.shop.get('s0')!.payments += 1;
  });
  expect(found).toMatchObject({ verdict: 'violated', effects: 13, lost: 0, doubled: 0 });
  expect(found.findings).toEqual(['1 payment acted but were never sent (intruder)']);
});

test('finds a payment settled for another amount, and for another customer', async () => {
  const amount = await auditOf((state) => {
    state.payments.get('p4')!.cents += 1;
    state.accounts.get('c4')!.balance -= 1;
    state.shop.get('s0')!.credit += 1;
  });
  expect(amount).toMatchObject({ verdict: 'violated', lost: 0, doubled: 0 });
  expect(amount.findings[0]).toContain('another amount or customer than was sent (p4)');
  const customer = await auditOf((state) => {
    state.journal[4] = { paymentId: 'p4', customer: 'c5', cents: 104 };
  });
  expect(customer.findings).toEqual([
    expect.stringContaining('another amount or customer than was sent (p4)'),
  ]);
});

test('finds money that the shop lacks, and credits it should not have', async () => {
  const money = await auditOf((state) => (state.shop.get('s1')!.credit -= 5));
  expect(money.verdict).toBe('violated');
  expect(money.findings).toEqual([expect.stringContaining('cents disagree: 1266 sent')]);
  const credits = await auditOf((state) => (state.shop.get('s1')!.payments += 1));
  expect(credits.findings).toEqual(['the shop was credited 13 times, its payments acted 12 times']);
});

test('poison in the dead-letter queue with a reason is not lost, and its cents are not expected', async () => {
  const found = await auditOf((state) => {
    undo(state, 'p4');
    state.poison.add('p4');
    state.dead.push({
      body: '{"paymentId":"p4"}',
      group: 'c4',
      note: '{"reason":"KeyReused: other payload"}',
    });
  });
  expect(found).toMatchObject({ verdict: 'exactly-once', effects: 11, lost: 0, dead: 1 });
  expect(found.cents.expected).toBe(total - 104n);
});

test('a body that cannot be read is told by the key the consumer noted', async () => {
  const found = await auditOf((state) => {
    undo(state, 'p4');
    state.poison.add('p4');
    state.dead.push({ body: 'not JSON', group: 'c4', note: '{"reason":"InvalidBody","key":"p4"}' });
  });
  expect(found).toMatchObject({ verdict: 'exactly-once', lost: 0, dead: 1 });
});

test.each<[string, (state: State) => void]>([
  ['that has not acted', (state) => undo(state, 'p4')],
  ['that has acted', () => undefined],
])('finds a dead letter with a reason, of a payment %s and was no poison', async (_, change) => {
  const found = await auditOf((state) => {
    change(state);
    state.dead.push({
      body: '{"paymentId":"p4"}',
      group: 'c4',
      note: '{"reason":"KeyReused: other payload"}',
    });
  });
  expect(found.verdict).toBe('violated');
  expect(found.findings).toContainEqual(
    '1 message in the dead-letter queue, and nothing was sent to end there (p4)',
  );
});

test('a run in which nothing was sent, or nothing acted, has shown nothing', async () => {
  const nothing = await auditOf((state) => {
    for (const rows of [state.payments, state.accounts, state.shop]) rows.clear();
    state.journal = [];
  });
  expect(nothing.verdict).toBe('violated');
  expect(nothing.findings).toEqual([
    '0 were sent: there is nothing to audit',
    '0 have acted: an audit that saw nothing has failed',
  ]);
  // All of it dead, as it was meant to be.
  const dead = await auditOf((state) => {
    for (const { paymentId, customer } of state.journal) {
      state.poison.add(paymentId);
      state.dead.push({ body: JSON.stringify({ paymentId }), group: customer, note: '{"reason":"no"}' });
    }
    for (const rows of [state.payments, state.accounts, state.shop]) rows.clear();
  });
  expect(dead).toMatchObject({ lost: 0, doubled: 0, dead: 12, verdict: 'violated' });
});

test('a depth that is no number is no empty queue', async () => {
  expect(
    audit({
      ...{ journal: [], dead: [], leftInQueue: Number.NaN },
      effects: { payments: new Map(), accounts: new Map(), shop: { credit: 0n, payments: 0n } },
    }).findings,
  ).toContain('NaN messages are still in the queue');
  const silent = Object.create(sqs, {
    send: { value: () => Promise.resolve({ Attributes: {} }) },
  }) as SQSClient;
  await expect(queueDepth(silent, 'q')).rejects.toMatchObject({
    attribute: 'ApproximateNumberOfMessages',
  });
});

test('a dead letter without a reason is lost', async () => {
  const found = await auditOf((state) => {
    undo(state, 'p4');
    state.dead.push({ body: '{"paymentId":"p4"}', group: 'c4' });
  });
  expect(found).toMatchObject({ verdict: 'violated', lost: 1, dead: 0 });
  expect(found.findings).toContainEqual(expect.stringContaining('in the dead-letter queue without a reason'));
});

test('a payment that acted and whose duplicate was dead-lettered counts as an effect', async () => {
  const found = await auditOf((state) => {
    state.poison.add('p4');
    state.dead.push({
      body: '{"paymentId":"p4"}',
      group: 'c4',
      note: '{"reason":"KeyReused: other payload"}',
    });
  });
  expect(found).toMatchObject({ verdict: 'exactly-once', effects: 12, dead: 0 });
});

test('finds messages left in the queue', async () => {
  const found = await auditOf((state) => (state.queued = 3));
  expect(found).toMatchObject({ verdict: 'violated', findings: ['3 messages are still in the queue'] });
});

test('reads all dead letters of one group', async () => {
  const queueUrl = await fifoQueue();
  for (let index = 0; index < 23; index += 1)
    await send(queueUrl, 'c1', `{"paymentId":"p${index}"}`, '{"reason":"no"}');
  const letters = await takeDeadLetters(sqs, queueUrl, 0);
  expect(letters.map(({ id }) => id)).toEqual(Array.from({ length: 23 }, (_, index) => `p${index}`));
});

test('refuses to count what is no integer', async () => {
  const tables = {
    payments: await fill('paymentId', new Map([['p1', { customer: 'c1', cents: 1.5, settlements: 1 }]])),
    ...{ accounts: await fill('customer', new Map()), shop: await fill('shard', new Map()) },
  };
  await expect(readEffects(dynamo, tables)).rejects.toMatchObject({
    ...{ name: 'AuditReadError', table: tables.payments, attribute: 'cents' },
  });
});

/** Takes a payment's effects back everywhere. */
function undo(state: State, paymentId: string): void {
  act(state, paymentId, -1);
  state.payments.delete(paymentId);
}

/** The payment's effects outside its own row, once more. */
function act(state: State, paymentId: string, times = 1): void {
  const { customer, cents } = state.payments.get(paymentId)!;
  const account = state.accounts.get(customer)!;
  account.balance -= times * cents;
  account.payments += times;
  const row = state.shop.get('s0')!;
  row.credit += times * cents;
  row.payments += times;
}

async function fill(key: string, rows: Map<string, Record<string, string | number>>): Promise<string> {
  const TableName = `audit-${randomUUID()}`;
  await dynamo.send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST' },
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    }),
  );
  for (const [id, row] of rows) {
    const values = Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'string' ? { S: value } : { N: String(value) },
    ]);
    await dynamo.send(
      new PutItemCommand({ TableName, Item: { [key]: { S: id }, ...Object.fromEntries(values) } }),
    );
  }
  return TableName;
}

async function fifoQueue(): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: `audit-${randomUUID()}.fifo`, Attributes: { FifoQueue: 'true' } }),
  );
  return QueueUrl;
}

async function send(
  QueueUrl: string,
  MessageGroupId: string,
  MessageBody: string,
  note?: string,
): Promise<void> {
  await sqs.send(
    new SendMessageCommand({
      ...{ QueueUrl, MessageGroupId, MessageBody, MessageDeduplicationId: randomUUID() },
      MessageAttributes:
        note === undefined ? undefined : { ExactlyOnce: { DataType: 'String', StringValue: note } },
    }),
  );
}
