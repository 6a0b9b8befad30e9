import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import type { Table } from '../../runtime/dynamodb/index.js';
import { cloudEvent, producerVersion } from '../../runtime/outbox/index.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import { listGaps } from '../../runtime/dynamodb/gaps.js';
import { sqsAggregateConsumer, type BatchSummary, type SqsConsumer } from '../../runtime/sqs/index.js';
import { newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { record } from '../fixtures/queue.js';
import { inTime, OutboxWorld } from './outbox-world.js';

const Moved = cloudEvent(z.object({ account: z.string(), move: z.number() }));
interface Kept {
  readonly [name: string]: unknown;
  readonly versions: string;
}

let world: OutboxWorld;
let views: Table;
let dedup: Table;
let handler: SqsConsumer;
let seen: BatchSummary[];
beforeEach(async () => {
  world = await OutboxWorld.open();
  [views, dedup] = await Promise.all([newTable(world.client, 'account'), newDedupTable(world.client)]);
  seen = [];
  handler = consumer();
});
afterEach(() => world.close());

function consumer(): SqsConsumer {
  return sqsAggregateConsumer<typeof Moved, Kept>({
    settings: {
      consumerName: 'view',
      dedupTable: dedup.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl: 'http://localhost/none',
    },
    schema: Moved,
    table: views,
    aggregate: ({ body }) => ({ account: body.aggregate }),
    version: ({ body }) => producerVersion(body),
    reduce: (state, { body }) => ({ versions: `${state?.versions ?? ''}${body.version} ` }),
    dynamodb: world.client,
    gapTimeoutSeconds: 0,
    observe: (summary) => seen.push(summary),
  });
}

/** The events of one account as a target is sent them that wants some types. */
async function sentTo(...types: string[]): Promise<unknown[]> {
  return (await world.rows())
    .map((item) => readRow(marshall(item)))
    .filter(({ type }) => types.includes(type))
    .map((one) => JSON.parse(relayed(one, types).event) as unknown);
}
const give = async (events: readonly unknown[]) => {
  for (let at = 0; at < events.length; at += 10)
    await handler({ Records: events.slice(at, at + 10).map((body) => record({ body })) }, inTime);
};
const acted = async () =>
  ((await row(world.client, views, { account: 'ann' }))?.['versions'] as string | undefined)?.trim();
const gaps = async (): Promise<string[]> => {
  const found: string[] = [];
  for await (const { sequence } of listGaps({ client: world.client, tableName: dedup.name }, 'view'))
    found.push(sequence);
  return found;
};
/** Types of the account's events, one after another. */
async function published(types: readonly string[]): Promise<void> {
  for (const type of types) await world.publish(['ann'], { type });
}

test('R53: a consumer of one type of two acts on each event, in order, and waits for none of the other type', async () => {
  await published(['Registered', 'Settled', 'Settled', 'Registered', 'Closed', 'Settled']);
  await give(await sentTo('Settled'));
  expect(await acted()).toBe('2 3 6');
  expect(seen.at(-1)).toMatchObject({ parked: 0, retry: 0 });
});

test('a consumer of two types of three is told the latest before it of either', async () => {
  await published(['A', 'B', 'C', 'C', 'A', 'C', 'B', 'B']);
  const places = (await sentTo('A', 'B')).map(
    (event) => event as { version: string; previousversion?: string },
  );
  expect(places.map(({ version, previousversion }) => [version, previousversion])).toEqual([
    ['1', undefined],
    ['2', undefined],
    ['5', '2'],
    ['7', '5'],
    ['8', undefined],
  ]);
});

test('without what the event says of the one before it the consumer would wait for ever: the test can fail', async () => {
  await published(['Registered', 'Settled']);
  const events = (await sentTo('Settled')) as Record<string, unknown>[];
  await give(events.map(({ previousversion, ...rest }) => (expect(previousversion).toBe('0'), rest)));
  expect(await acted()).toBeUndefined();
});

test('early ones are parked, in the item and in rows, and act in order once what is missing has come', async () => {
  const types = Array.from({ length: 150 }, (_, i) => (i % 2 === 0 ? 'Settled' : 'Registered'));
  await published(types);
  const [first, second, ...rest] = await sentTo('Settled');
  await give([first]);
  // In the worst order; the second one is missing.
  await give(rest.reverse());
  expect(await acted()).toBe('1');
  const { Items = [] } = await world.client.send(new ScanCommand({ TableName: dedup.name }));
  expect(Items.filter(({ id }) => id?.S?.includes('!early#')).length).toBeGreaterThan(5);
  expect(await gaps()).toEqual(['2']);
  // By another instance, which remembers nothing.
  handler = consumer();
  await give([second, ...rest.slice(0, 5)]);
  expect(await acted()).toBe(Array.from({ length: 75 }, (_, i) => 2 * i + 1).join(' '));
  expect(await gaps()).toEqual([]);
}, 60_000);
