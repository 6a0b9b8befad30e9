import {
  CreateQueueCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openJournal, readJournal, temporaryFolder } from '../../drive/audit/journal.js';
import type { Purchase } from '../../drive/input/purchases.js';
import { queueDuplicates } from '../../drive/paths/queue-duplicates.js';
import { driveTraffic } from '../../drive/paths/traffic.js';
import { embedded } from '../fixtures/embedded.js';
import { collect } from './collect.js';

/** `number` purchases dealt out to customers in turn. */
async function* purchases(number: number, customers: number): AsyncGenerator<Purchase> {
  for (let index = 0; index < number; index += 1) {
    const customer = `c${index % customers}`;
    yield { paymentId: `p${index}`, customer, purchasedOn: '1997-01-01', cds: 1, cents: index };
    await Promise.resolve();
  }
}

const nowhere = { record: () => Promise.resolve() };

test('keeps the order of each customer and never has more requests under way than told', async () => {
  const done: Purchase[] = [];
  let underWay = 0;
  let most = 0;
  const client = {
    send: async (purchase: Purchase) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(Math.random() * 4);
      underWay -= 1;
      done.push(purchase);
      return 1 + (purchase.cents % 3);
    },
  };
  const traffic = await driveTraffic({
    purchases: purchases(300, 20),
    client,
    journal: nowhere,
    concurrency: 5,
  });

  expect(traffic).toEqual({ sent: 300, retries: 300 });
  expect(most).toBe(5);
  const perCustomer = Map.groupBy(done, ({ customer }) => customer);
  expect(perCustomer.size).toBe(20);
  for (const own of perCustomer.values()) {
    const cents = own.map((purchase) => purchase.cents);
    expect(cents).toEqual(cents.toSorted((a, b) => a - b));
  }
});

test('reads only a bounded number of purchases ahead', async () => {
  let read = 0;
  let sent = 0;
  let furthest = 0;
  async function* counted() {
    for await (const purchase of purchases(1000, 1000)) {
      read += 1;
      yield purchase;
    }
  }
  const client = {
    send: async () => {
      furthest = Math.max(furthest, read - sent);
      await sleep(0);
      sent += 1;
      return 1;
    },
  };
  await driveTraffic({ purchases: counted(), client, journal: nowhere, concurrency: 4 });
  expect(sent).toBe(1000);
  expect(furthest).toBeLessThan(70);
});

test('a payment is in the journal before its request is sent', async () => {
  const folder = temporaryFolder();
  const journal = await openJournal(folder.path);
  const client = {
    send: async ({ paymentId }: Purchase) => {
      const ids = (await readJournal(journal.file)).map((entry) => entry.paymentId);
      expect(ids).toContain(paymentId);
      return 1;
    },
  };
  await driveTraffic({ purchases: purchases(40, 40), client, journal });
  await journal.close();
  const entries = await readJournal(journal.file);
  expect(entries).toHaveLength(40);
  expect(entries).toContainEqual({ paymentId: 'p7', customer: 'c7', cents: 7 });
  folder.remove();
  await expect(rm(folder.path)).rejects.toThrow('ENOENT');
});

test('the first failure stops the traffic, with nothing under way any more', async () => {
  let underWay = 0;
  let sent = 0;
  const client = {
    send: async ({ paymentId }: Purchase) => {
      underWay += 1;
      await sleep(2);
      underWay -= 1;
      if (paymentId === 'p9') throw new Error('refused');
      sent += 1;
      return 1;
    },
  };
  await expect(driveTraffic({ purchases: purchases(500, 500), client, journal: nowhere })).rejects.toThrow(
    'refused',
  );
  expect(underWay).toBe(0);
  expect(sent).toBeLessThan(50);
});

test('puts a seeded share on the queue again: same payment and group, a message of its own', async () => {
  const sqs = new SQSClient(embedded().client);
  const { QueueUrl = '' } = await sqs.send(
    new CreateQueueCommand({
      QueueName: `duplicates-${randomUUID()}.fifo`,
      Attributes: { FifoQueue: 'true' },
    }),
  );
  const all = await collect(purchases(200, 50));
  const onQueue = async () => {
    const duplicates = queueDuplicates({ sqs, queueUrl: QueueUrl, seed: 5, share: 0.2 });
    let atOnce = 0;
    for (const purchase of all) await duplicates.afterAccepted(purchase);
    atOnce = duplicates.sent;
    await duplicates.flush();
    const messages = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          MessageSystemAttributeNames: ['All'],
        }),
      );
      if (Messages.length === 0) return { atOnce, sent: duplicates.sent, messages };
      for (const { ReceiptHandle } of Messages)
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      messages.push(...Messages);
    }
  };
  const { atOnce, sent, messages } = await onQueue();

  expect(messages).toHaveLength(sent);
  // Four standard deviations of 200 draws around 40.
  expect(Math.abs(sent - 40)).toBeLessThan(23);
  expect(atOnce).toBeGreaterThan(0);
  expect(atOnce).toBeLessThan(sent);
  for (const { Body = '', Attributes = {} } of messages) {
    const { data: purchase } = JSON.parse(Body) as { data: Purchase };
    expect(all).toContainEqual(purchase);
    expect(Attributes.MessageGroupId).toBe(purchase.customer);
  }
  const ids = new Set(messages.map(({ Attributes }) => Attributes?.MessageDeduplicationId));
  expect(ids.size).toBe(sent);
  sqs.destroy();
});
