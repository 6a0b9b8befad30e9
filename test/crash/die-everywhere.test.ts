import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import { crashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { drain, newFifoQueue, record, sqs } from '../fixtures/queue.js';
import type { Order } from './victim.js';
import { consumerOf, ways, type Names, type WayName } from './victims.js';

const client = dynamo();
const queue = sqs();
const hits = Number(process.env.CRASH_HITS ?? 5);
let victim: OwnProcess;
let names: Names;

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
  const [receipts, effects, deadLetterQueueUrl] = await Promise.all([
    newTable(client, 'id'),
    newTable(client, 'name'),
    newFifoQueue(queue),
  ]);
  names = { receipts: receipts.name, effects: effects.name, deadLetterQueueUrl };
});
afterAll(async () => {
  client.destroy();
  queue.destroy();
  await victim.remove();
});

/**
 * Points that a way does not pass: only transactions have receipts of their own to recall, but all pass the place.
 */
const everywhere = ways.flatMap((way) => crashPoints.map((point): [WayName, CrashPoint] => [way, point]));
const histogram = new Map<string, number>();

test.each(everywhere)(
  `%s way, killed %s (${hits} times): nothing lost, nothing doubled`,
  async (way, dieAt) => {
    const survivor = consumerOf(way, names, client, queue);
    for (let hit = 0; hit < hits; hit += 1) {
      const run = randomUUID();
      const records = batch(run, hit);
      expect(await killed({ way, names, client: embedded().client, records, dieAt })).toBe('SIGKILL');
      histogram.set(`${way} ${dieAt}`, (histogram.get(`${way} ${dieAt}`) ?? 0) + 1);
      const again = records.map((one) => ({
        ...one,
        attributes: { ...one.attributes, ApproximateReceiveCount: '2' },
      }));
      const answer = await survivor({ Records: again }, { getRemainingTimeInMillis: () => 30_000 });
      expect(answer).toEqual({ batchItemFailures: [] });
      expect(await effectsOf(way, run)).toBe(3);
    }
    const copies = await drain(queue, names.deadLetterQueueUrl);
    expect(new Set(copies.map(({ Body }) => Body)).size).toBe(hits);
  },
  120_000,
);

afterAll(() => reportFigures('killed at', Object.fromEntries(histogram)));

/** Three events of one run, in two groups, and a body that nobody can read. */
function batch(run: string, hit: number): SQSRecord[] {
  const event = (version: string, group: string) =>
    record({ group, body: { run, id: `${run}-${version}`, version } });
  const broken = record({ group: 'c', body: `no json ${run} ${hit}` });
  return [event('1', 'a'), event('2', 'a'), broken, event('3', 'b')];
}

/** The signal that ended the process. */
async function killed(order: Order): Promise<string | null | undefined> {
  return (await victim.run(order)).signal;
}

async function effectsOf(way: WayName, run: string): Promise<unknown> {
  const effects = { name: names.effects, partitionKey: 'name' };
  if (way !== 'insert') return (await row(client, effects, { name: run }))?.value;
  const found = await client.send(
    new ScanCommand({
      TableName: names.effects,
      FilterExpression: 'run = :run',
      ExpressionAttributeValues: { ':run': { S: run } },
      Select: 'COUNT',
    }),
  );
  return found.Count;
}
