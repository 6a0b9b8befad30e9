import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Target } from '../targets/target.js';
import { transaction } from './contenders/ours.js';
import { deliver } from './delivery.js';
import { clientOf } from './engine.js';
import { Producer, recordOf, type Payment } from './message.js';
import { newOutboxTable } from '../test/fixtures/outbox-table.js';
import { publisher } from './publisher.js';
import { QueueReader } from './queue-reader.js';
import { startRelay } from './relay-function.js';
import { newTables } from './tables.js';

export const latencyEvents = 200;
/** One event every so often, whether the last one has arrived or not. */
export const everyMs = 50;
const warmUp = 20;
const accounts = 20;
const arrivesWithinMs = 60_000;

/**
 * Milliseconds from just before each commit until a reader of the target queue has the event.
 *
 * @param way through the outbox and its relay, or sent by the publisher itself when the commit is through
 */
export async function eventLatencies(target: Target, way: 'outbox' | 'sent'): Promise<number[]> {
  const client = clientOf({ client: { ...target.client, endpoint: target.endpoint ?? '' } });
  const sqs = new SQSClient(target.client);
  const cleanUps: (() => Promise<void>)[] = [];
  try {
    const tables = await newTables(client);
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `bench-${randomUUID()}` }));
    let send = (payment: Payment): Promise<unknown> =>
      sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ data: payment }) }));
    let handler = transaction(client, tables);
    if (way === 'outbox') {
      const outboxTable = await newOutboxTable(client);
      cleanUps.push(await startRelay(target, outboxTable, QueueUrl));
      handler = publisher(client, tables, { outboxTable, about: 'the account' });
      send = () => Promise.resolve();
    }
    const reader = new QueueReader(sqs, QueueUrl);
    cleanUps.push(() => reader.stop());

    const producer = new Producer();
    const begun = new Map<string, number>();
    const commit = async (payment: Payment) => {
      begun.set(payment.id, performance.now());
      const failed = await deliver(handler, [recordOf(payment, 'Standard')]);
      if (failed.length > 0) throw new Error('a record failed in a benchmark without faults');
      await send(payment);
    };
    const steadily = async (count: number): Promise<string[]> => {
      const payments = Array.from({ length: count }, (_, i) => producer.payment(`account-${i % accounts}`));
      const start = performance.now();
      const commits: Promise<void>[] = [];
      for (const [i, payment] of payments.entries()) {
        // At random within its turn: in step with the reading of the table's stream, all would wait for it as long.
        await sleep(Math.max(0, start + (i + Math.random()) * everyMs - performance.now()));
        const committed = commit(payment);
        // It is told below, when all are on their way.
        committed.catch(() => undefined);
        commits.push(committed);
      }
      await Promise.all(commits);
      const ids = payments.map(({ id }) => id);
      await reader.hasAll(ids, arrivesWithinMs);
      return ids;
    };
    await steadily(warmUp);
    const measured = await steadily(latencyEvents);
    return measured.map((id) => (reader.arrivals.get(id) ?? NaN) - (begun.get(id) ?? NaN));
  } finally {
    for (const cleanUp of cleanUps.reverse()) await cleanUp();
    sqs.destroy();
    client.destroy();
  }
}
