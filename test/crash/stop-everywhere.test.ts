import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { SqsConsumer } from '../../runtime/sqs/index.js';
import { failureCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { listGroups } from '../../runtime/dynamodb/groups.js';
import { resumeGroup } from '../../runtime/sqs/decide.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { newChannel, pump, send, type TestChannel } from '../fixtures/channel.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { drain, sqs } from '../fixtures/queue.js';
import type { StopOrder } from './stop-victim.js';
import { stoppingConsumer, type StopNames } from './stop-victims.js';

const client = dynamo();
const queue = sqs();
const hits = Number(process.env.CRASH_HITS ?? 5);
let ownProcess: OwnProcess;
let receipts: Table;
let effects: Table;
let channel: TestChannel;

beforeAll(async () => {
  ownProcess = await OwnProcess.of(join(__dirname, 'stop-victim.ts'));
  [receipts, effects, channel] = await Promise.all([
    newDedupTable(client),
    newTable(client, 'name'),
    newChannel(queue),
  ]);
});
afterAll(async () => {
  client.destroy();
  queue.destroy();
  await ownProcess.remove();
});

const histogram = new Map<string, number>();

test.each(failureCrashPoints)(
  `killed %s (${hits} times): the group stops, goes on in order, and nothing acts twice`,
  async (dieAt) => {
    for (let hit = 0; hit < hits; hit += 1) {
      const group = randomUUID();
      const { deadLetterQueueUrl } = channel;
      // With 1, the first delivery stops the group; with 2 it writes a failure down.
      const maxFailures = dieAt.includes('attempts') ? 2 : 1;
      const names = { receipts: receipts.name, effects: effects.name, deadLetterQueueUrl, maxFailures };
      const log = async () => (await row(client, effects, { name: group }))?.log;
      for (const id of ['a', 'bad', 'c', 'd']) await send(queue, channel.queueUrl, { group, id }, group);
      if (dieAt === 'suspect-started')
        await pump(queue, channel, () => Promise.reject(new Error('killed')), { batches: 2 });

      const whileDraining = dieAt.includes('advance');
      if (!whileDraining) await killedOnce(names, false, dieAt);
      await pump(queue, channel, stoppingConsumer(names, false, client, queue));
      expect(await log()).toBe('a ');

      const [stopped] = await stoppedOf(group);
      expect(stopped).toMatchObject({ state: 'stopped', parked: 3, drained: 0 });
      await resumeGroup({ client, tableName: receipts.name }, queue, {
        consumerName: 'stopper',
        stream: stopped?.stream ?? '',
        reason: 'mended',
      });
      if (whileDraining) await killedOnce(names, true, dieAt);
      await pump(queue, channel, stoppingConsumer(names, true, client, queue));
      expect(await log()).toBe('a bad c d ');
      expect(await stoppedOf(group)).toEqual([]);
    }
    const copies = await drain(queue, channel.deadLetterQueueUrl);
    expect(copies.length).toBeGreaterThanOrEqual(hits);
    expect(new Set(copies.map(({ Body = '' }) => (JSON.parse(Body) as { id: string }).id))).toEqual(
      new Set(['bad']),
    );
  },
  120_000,
);

afterAll(() => reportFigures('stopping killed at', Object.fromEntries(histogram)));

/** Delivers batches to a process of its own until one of them is killed at the point. */
async function killedOnce(names: StopNames, mended: boolean, dieAt: CrashPoint): Promise<void> {
  let signal: string | null | undefined;
  const victim: SqsConsumer = async ({ Records: records }) => {
    const order: StopOrder = { names, mended, client: embedded().client, records, dieAt };
    ({ signal } = await ownProcess.run(order));
    throw new Error('its answer never came');
  };
  await pump(queue, channel, victim, { batches: 1 });
  expect(signal).toBe('SIGKILL');
  histogram.set(dieAt, (histogram.get(dieAt) ?? 0) + 1);
}

async function stoppedOf(group: string) {
  const found = [];
  for await (const one of listGroups({ client, tableName: receipts.name }, 'stopper'))
    if (one.group === group) found.push(one);
  return found;
}
