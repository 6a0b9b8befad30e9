import type { DynamoDBRecord } from 'aws-lambda';
import {
  outboxRelay,
  queueTarget,
  type OutboxRelay,
  type OutboxRow,
  type RelaySummary,
  type RelayTarget,
} from '../../runtime/outbox/index.js';
import { drain } from '../fixtures/queue.js';
import { inTime, newQueue, OutboxWorld, placeOf } from './outbox-world.js';

let world: OutboxWorld;
let summaries: RelaySummary[];
beforeEach(async () => {
  world = await OutboxWorld.open();
  summaries = [];
});
afterEach(() => world.close());

/** A target that keeps what it is sent, call by call, and refuses what it is told to. */
class Notebook implements RelayTarget {
  readonly calls: string[][] = [];
  constructor(
    readonly name: string,
    private readonly refuses: (place: string) => boolean = () => false,
    readonly types?: readonly string[],
  ) {}

  send(rows: readonly OutboxRow[]): Promise<Map<OutboxRow, unknown>> {
    this.calls.push(rows.map(({ event }) => placeOf(event)));
    const refused = rows.filter(({ event }) => this.refuses(placeOf(event)));
    return Promise.resolve(new Map(refused.map((row) => [row, new Error('refused')])));
  }
}

function relayTo(targets: readonly RelayTarget[], graceSeconds = 60): OutboxRelay {
  return outboxRelay({
    table: world.table,
    retentionSeconds: 1000,
    graceSeconds,
    targets,
    dynamodb: world.client,
    observe: (summary) => summaries.push(summary),
  });
}

async function inserted(): Promise<DynamoDBRecord[]> {
  return (await (await world.reader())()).filter(({ eventName }) => eventName === 'INSERT');
}
const placesOf = (records: readonly DynamoDBRecord[], ids: readonly string[]) =>
  records
    .filter(({ dynamodb }) => ids.includes(dynamodb!.SequenceNumber!))
    .map(({ dynamodb }) => placeOf(dynamodb!.NewImage!['event']!.S!));

test('an event goes to every target that wants its type, and its row is marked and may expire', async () => {
  const [all, some] = [new Notebook('all'), new Notebook('some', undefined, ['Closed'])];
  await world.publish(['ann']);
  await world.publish(['bob'], { type: 'Closed' });
  expect((await world.rows()).every(({ expiration }) => expiration === undefined)).toBe(true);
  const before = Math.floor(Date.now() / 1000);
  await expect(relayTo([all, some])({ Records: await inserted() }, inTime)).resolves.toEqual({
    batchItemFailures: [],
  });
  expect(all.calls.flat().sort()).toEqual(['ann 1', 'bob 1']);
  expect(some.calls.flat()).toEqual(['bob 1']);
  expect(await world.unsent()).toEqual([]);
  for (const { expiration } of await world.rows())
    expect(Number(expiration)).toBeGreaterThanOrEqual(before + 1000);
  expect(summaries).toMatchObject([{ by: 'stream', sent: 2, resent: 0, failed: 0, unmarked: 0 }]);
});

test('one event of a group is under way at a time, in the order of its versions, whatever order the shard gives', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann', 'ann', 'bob', 'ann']);
  await relayTo([notebook])({ Records: (await inserted()).reverse() }, inTime);
  expect(notebook.calls).toEqual([['ann 1', 'bob 1'], ['ann 2'], ['ann 3']]);
});

test('streams that share a group take turns in it as they were committed', async () => {
  const notebook = new Notebook('n');
  await world.publish(['zoe', 'ann', 'zoe', 'ann'], { group: 'family' });
  await relayTo([notebook])({ Records: await inserted() }, inTime);
  expect(notebook.calls).toEqual([['zoe 1'], ['ann 1'], ['zoe 2'], ['ann 2']]);
});

test('a group stops at its first failure, and everything that was not sent comes again', async () => {
  let down = true;
  const notebook = new Notebook('n', (place) => down && place === 'ann 2');
  const relay = relayTo([notebook]);
  await world.publish(['ann', 'ann', 'bob', 'ann', 'bob']);
  const records = await inserted();
  const { batchItemFailures } = await relay({ Records: records }, inTime);
  expect(
    placesOf(
      records,
      batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ),
  ).toEqual(['ann 2', 'ann 3']);
  expect(notebook.calls.flat()).not.toContain('ann 3');
  expect(await world.unsent()).toEqual(['ann 2', 'ann 3']);
  expect(summaries[0]).toMatchObject({ sent: 3, failed: 2, problems: [{ error: new Error('refused') }] });

  down = false;
  notebook.calls.length = 0;
  // Lambda brings everything from the first failure on.
  await relay({ Records: records.slice(1) }, inTime);
  expect(notebook.calls).toEqual([['ann 2'], ['ann 3']]);
  expect(await world.unsent()).toEqual([]);
});

test('an event that one target has not accepted stays unsent, and only that one gets it again', async () => {
  let down = true;
  const [good, bad] = [new Notebook('good'), new Notebook('bad', () => down)];
  const relay = relayTo([good, bad]);
  await world.publish(['ann']);
  const Records = await inserted();
  expect((await relay({ Records }, inTime)).batchItemFailures).toHaveLength(1);
  expect(await world.unsent()).toEqual(['ann 1']);
  down = false;
  await relay({ Records }, inTime);
  expect([good.calls, bad.calls]).toEqual([[['ann 1']], [['ann 1'], ['ann 1']]]);
  expect(await world.unsent()).toEqual([]);
});

test('when time is up nothing more is sent, and what is left comes again', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann', 'ann', 'ann']);
  const Records = await inserted();
  let calls = 3;
  const context = { getRemainingTimeInMillis: () => (calls-- > 1 ? 10_000 : 100) };
  const { batchItemFailures } = await relayTo([notebook])({ Records }, context);
  expect(notebook.calls).toEqual([['ann 1'], ['ann 2']]);
  expect(
    placesOf(
      Records,
      batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    ),
  ).toEqual(['ann 3']);
});

test('marks and expiries are no events', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann']);
  const read = await world.reader();
  const first = await read();
  await relayTo([notebook])({ Records: first }, inTime);
  const second = await read();
  expect(second.map(({ eventName }) => eventName)).toEqual(['MODIFY']);
  await relayTo([notebook])({ Records: second }, inTime);
  expect(notebook.calls).toEqual([['ann 1']]);
});

test('a row of a newer version is neither sent nor passed over', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann', 'bob']);
  const Records = await inserted();
  Records[0]!.dynamodb!.NewImage!['v'] = { N: '2' };
  const { batchItemFailures } = await relayTo([notebook])({ Records }, inTime);
  expect(batchItemFailures).toEqual([{ itemIdentifier: Records[0]!.dynamodb!.SequenceNumber }]);
  expect(notebook.calls).toEqual([['bob 1']]);
  expect((summaries[0]!.problems[0]!.error as Error).name).toBe('NewerRow');
});

test('the sweep sends what the stream has not, older than the grace, in order, and tells the age of the oldest', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann', 'bob', 'ann', 'bob', 'ann']);
  await relayTo([notebook])({}, inTime);
  expect(notebook.calls).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await relayTo([notebook], 1)({}, inTime);
  expect(notebook.calls.flat().filter((place) => place.startsWith('ann'))).toEqual([
    'ann 1',
    'ann 2',
    'ann 3',
  ]);
  expect(notebook.calls.flat().filter((place) => place.startsWith('bob'))).toEqual(['bob 1', 'bob 2']);
  expect(await world.unsent()).toEqual([]);
  expect(summaries).toMatchObject([
    { by: 'sweep', sent: 0, oldestUnsentSeconds: expect.any(Number) },
    { by: 'sweep', sent: 5, failed: 0, resent: 0 },
  ]);
  expect(summaries[1]!.oldestUnsentSeconds).toBeGreaterThanOrEqual(1);
});

test('a relay that is behind passes over what the sweep has sent meanwhile', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann', 'bob']);
  const Records = await inserted();
  await new Promise((resolve) => setTimeout(resolve, 10));
  await relayTo([notebook], 0)({}, inTime);
  await relayTo([notebook], 0)({ Records }, inTime);
  expect(notebook.calls.flat().sort()).toEqual(['ann 1', 'bob 1']);
  expect(summaries[1]).toMatchObject({ by: 'stream', sent: 0, passed: 2, failed: 0 });
});

test('another instance sends again what comes again, and counts it', async () => {
  const notebook = new Notebook('n');
  await world.publish(['ann']);
  const Records = await inserted();
  await relayTo([notebook])({ Records }, inTime);
  await relayTo([notebook])({ Records }, inTime);
  expect(notebook.calls).toEqual([['ann 1'], ['ann 1']]);
  expect(summaries[1]).toMatchObject({ sent: 1, resent: 1 });
});

test('a FIFO queue gets the event as its body, its group, and one deduplication id for all sends', async () => {
  const queueUrl = await newQueue(world.queues, true);
  await world.publish(['ann', 'ann', 'bob']);
  const Records = await inserted();
  for (let relay = 0; relay < 2; relay += 1)
    await relayTo([queueTarget({ queueUrl, client: world.queues })])({ Records }, inTime);
  const messages = await drain(world.queues, queueUrl);
  expect(messages.map(({ Body }) => placeOf(Body!)).sort()).toEqual(['ann 1', 'ann 2', 'bob 1']);
  for (const { Body, Attributes, MessageAttributes } of messages) {
    expect(Attributes!.MessageGroupId).toBe(placeOf(Body!).split(' ')[0]);
    expect(MessageAttributes!['type']!.StringValue).toBe('Moved');
    expect(JSON.parse(Body!)).toMatchObject({ specversion: '1.0', source: 'bank', type: 'Moved', data: {} });
  }
});

test('a Standard queue gets a group, too, and what is sent again arrives again', async () => {
  const queueUrl = await newQueue(world.queues, false);
  await world.publish(['ann']);
  const Records = await inserted();
  for (let relay = 0; relay < 2; relay += 1)
    await relayTo([queueTarget({ queueUrl, client: world.queues })])({ Records }, inTime);
  const messages = await drain(world.queues, queueUrl);
  expect(messages.map(({ Attributes }) => Attributes!.MessageGroupId)).toEqual(['ann', 'ann']);
});

test('an event with characters that SQS does not take arrives unchanged', async () => {
  const queueUrl = await newQueue(world.queues, false);
  const row = {
    event: JSON.stringify({ data: 'a\uFFFE\uFFFF\u0001b' }),
    type: 't',
    group: 'g',
    stream: 's',
    version: '1',
    at: 0,
  };
  expect(await queueTarget({ queueUrl, client: world.queues }).send([row])).toEqual(new Map());
  const [message] = await drain(world.queues, queueUrl);
  expect(message!.Body).not.toMatch(/[\uFFFE\uFFFF]/);
  expect(JSON.parse(message!.Body!)).toEqual({ data: 'a\uFFFE\uFFFF\u0001b' });
});

test('no target, or two of one name, is refused at start', () => {
  expect(() => relayTo([])).toThrow('at least one target');
  expect(() => relayTo([new Notebook('n'), new Notebook('n')])).toThrow('one name');
});
