import type { DynamoDBRecord } from 'aws-lambda';
import { listedStreams } from '../../drive/audit/listed-streams.js';
import { queueTarget } from '../../runtime/outbox/index.js';
import { drain } from '../fixtures/queue.js';
import { newQueue } from './outbox-world.js';
import { inTime, Notebook, placeOf, placesOf, timeOf, WrittenOutbox } from './written-outbox.js';

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => outbox.close());

const failedOf = async (answer: Promise<{ batchItemFailures: { itemIdentifier: string }[] }>) =>
  (await answer).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

test('an event goes to every target that wants its type, and is marked; the newest row of a stream never expires', async () => {
  const [all, some] = [new Notebook('all'), new Notebook('some', ['Closed'])];
  await outbox.write(['ann']);
  await outbox.write(['bob', 'bob'], { type: 'Closed' });
  const before = Math.floor(Date.now() / 1000);
  await expect(outbox.relay([all, some])({ Records: await outbox.inserted() }, inTime)).resolves.toEqual({
    batchItemFailures: [],
  });
  expect(all.taken.sort()).toEqual(['ann 1', 'bob 1', 'bob 2']);
  expect(some.taken).toEqual(['bob 1', 'bob 2']);
  expect(await outbox.positions()).toEqual(['ann 1 of 1', 'bob 2 of 2']);
  const expiring = (await outbox.rows()).filter(({ expiration }) => expiration !== undefined);
  expect(expiring).toHaveLength(1);
  expect(Number(expiring[0]!.expiration!.N)).toBeGreaterThanOrEqual(before + 3600);
  expect(outbox.summaries).toMatchObject([{ by: 'stream', sent: 3, resent: 0, failed: 0, listed: 0 }]);
});

test('events of one stream share a call, in the order of their versions, whatever order the shard gives', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann', 'bob', 'ann']);
  await outbox.relay([notebook])({ Records: (await outbox.inserted()).reverse() }, inTime);
  expect(notebook.calls).toHaveLength(1);
  expect(notebook.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
});

test('within a stream the version decides, also when the clock of the later publisher is behind', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann']);
  await outbox.write(['ann', 'ann'], { at: Date.now() - 5_000 });
  await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2', 'ann 3']);
});

test('a busy stream goes ten events a call, one call after the other', async () => {
  const notebook = new Notebook('n');
  await outbox.write(Array.from({ length: 25 }, () => 'ann'));
  await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  expect(notebook.calls.map(({ length }) => length)).toEqual([10, 10, 5]);
  expect(notebook.taken).toEqual(Array.from({ length: 25 }, (_, i) => `ann ${i + 1}`));
});

test('streams that share a group take turns in it as they were committed', async () => {
  const notebook = new Notebook('n');
  for (const [i, name] of ['zoe', 'ann', 'zoe', 'ann'].entries())
    await outbox.write([name], { group: 'family', at: Date.now() + i });
  await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  expect(notebook.taken).toEqual(['zoe 1', 'ann 1', 'zoe 2', 'ann 2']);
});

test('what a target refuses for a moment is tried again in the same run', async () => {
  const notebook = new Notebook('n');
  let refusals = 2;
  notebook.refuses = (place) => place === 'ann 2' && refusals-- > 0;
  await outbox.write(['ann', 'ann', 'ann', 'bob']);
  await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  // ann 3 had been taken behind the refusal: it is sent again in its turn.
  expect(notebook.taken.filter((place) => place.startsWith('ann')).slice(-2)).toEqual(['ann 2', 'ann 3']);
  expect(await outbox.positions()).toEqual(['ann 3 of 3', 'bob 1 of 1']);
  expect(await outbox.stuck()).toEqual([]);
});

test('a stream that cannot go on is listed, and its events are acknowledged; the next ones do not overtake', async () => {
  const notebook = new Notebook('n');
  notebook.refuses = (place) => place === 'ann 2';
  const relay = outbox.relay([notebook]);
  await outbox.write(['ann', 'ann', 'bob']);
  const read = await outbox.reader();
  expect(await failedOf(relay({ Records: await read() }, inTime))).toEqual([]);
  expect(await listedStreams(outbox.client, outbox.table)).toBe(1);
  expect(await outbox.stuck()).toMatchObject([
    {
      stream: JSON.stringify(['bank', '1', 'account', 'ann']),
      reason: expect.stringContaining('refused'),
      tries: 0,
    },
  ]);
  expect(outbox.summaries[0]).toMatchObject({ sent: 2, failed: 0, listed: 1 });

  await outbox.write(['ann', 'bob']);
  notebook.refuses = () => false;
  // By the instance that knows, and by one that does not.
  const Records = (await read()).filter(({ eventName }) => eventName === 'INSERT');
  for (const one of [relay, outbox.relay([notebook])])
    expect(await failedOf(one({ Records }, inTime))).toEqual([]);
  expect(notebook.taken).not.toContain('ann 3');
  expect(await outbox.positions()).toEqual(['ann 1 of 3', 'bob 2 of 2']);

  await relay({}, inTime);
  expect(notebook.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
  expect(await outbox.positions()).toEqual(['ann 3 of 3', 'bob 2 of 2']);
  expect(await outbox.stuck()).toEqual([]);
});

test('a target that refuses holds up nobody else: each has a position of its own', async () => {
  const [good, bad] = [new Notebook('good'), new Notebook('bad')];
  bad.refuses = () => true;
  const relay = outbox.relay([good, bad]);
  const read = await outbox.reader();
  const next = async () => (await read()).filter(({ eventName }) => eventName === 'INSERT');
  await outbox.write(['ann', 'bob']);
  expect(await failedOf(relay({ Records: await next() }, inTime))).toEqual([]);
  await outbox.write(['ann', 'bob', 'ann']);
  expect(await failedOf(relay({ Records: await next() }, inTime))).toEqual([]);
  expect(good.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
  expect((await outbox.stuckEntry('ann'))?.next).toEqual(
    new Map([
      ['*', 4n],
      ['bad', 1n],
    ]),
  );
  expect(await outbox.positions()).toEqual(['ann 0 of 3', 'bob 0 of 2']);
  bad.refuses = () => false;
  await relay({}, inTime);
  expect(bad.taken.filter((place) => place.startsWith('ann'))).toEqual(['ann 1', 'ann 2', 'ann 3']);
  expect(good.taken).toHaveLength(5);
  expect(await outbox.positions()).toEqual(['ann 3 of 3', 'bob 2 of 2']);
  expect(await outbox.stuck()).toEqual([]);
});

test('a target that hangs is given up in time: the others have everything, its streams are listed', async () => {
  const good = new Notebook('good');
  let asked = 0;
  const hung = { name: 'hung', send: () => (asked++, new Promise<never>(() => undefined)) };
  const relay = outbox.relay([good, hung]);
  await outbox.write(['ann', 'bob', 'ann']);
  const first = timeOf(4_000);
  expect(await failedOf(relay({ Records: await outbox.inserted() }, first))).toEqual([]);
  expect(first.getRemainingTimeInMillis()).toBeGreaterThan(0);
  expect(good.taken.sort()).toEqual(['ann 1', 'ann 2', 'bob 1']);
  expect((await outbox.stuck()).map(({ reason }) => reason)).toEqual([
    expect.stringContaining('hung: TargetTimedOut'),
    expect.stringContaining('hung: TargetTimedOut'),
  ]);
  // And the next run does not wait for it again.
  await outbox.write(['cem']);
  const before = asked;
  const Records = (await outbox.inserted()).slice(-1);
  await relay({ Records }, timeOf(4_000));
  expect(asked).toBe(before);
  expect(good.taken).toContain('cem 1');
});

test('what the stream of the table left out is filled in from the table, in order', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann', 'ann', 'ann', 'ann']);
  const Records = await outbox.inserted();
  const relay = outbox.relay([notebook]);
  await relay({ Records: Records.slice(0, 1) }, inTime);
  await relay({ Records: [Records[2]!, Records[4]!] }, inTime);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2', 'ann 3', 'ann 4', 'ann 5']);
  // Another instance, to which everything is new, is brought the rest late.
  await outbox.relay([notebook], { graceSeconds: 0 })({ Records: [Records[1]!, Records[3]!] }, inTime);
  expect(notebook.taken).toHaveLength(5);
  expect(await outbox.positions()).toEqual(['ann 5 of 5']);
});

test('when more is left out than a batch can fill in, the sweep goes first', async () => {
  const notebook = new Notebook('n');
  await outbox.write(Array.from({ length: 250 }, () => 'ann'));
  const Records = (await outbox.inserted()).slice(-1);
  const relay = outbox.relay([notebook]);
  expect(await failedOf(relay({ Records }, inTime))).toEqual([]);
  expect(notebook.taken).toEqual([]);
  expect(await outbox.stuck()).toMatchObject([{ reason: expect.stringContaining('FarBehind') }]);
  await relay({}, inTime);
  expect(notebook.taken).toEqual(Array.from({ length: 250 }, (_, i) => `ann ${i + 1}`));
  expect(await outbox.positions()).toEqual(['ann 250 of 250']);
});

test('when time is up nothing more is sent, and what is left comes again', async () => {
  const notebook = new Notebook('n');
  await outbox.write(Array.from({ length: 25 }, () => 'ann'));
  const Records = await outbox.inserted();
  const context = { getRemainingTimeInMillis: () => (notebook.calls.length >= 2 ? 100 : 10_000) };
  const failed = await failedOf(outbox.relay([notebook])({ Records }, context));
  expect(notebook.taken).toHaveLength(20);
  expect(placesOf(Records, failed)).toEqual([21, 22, 23, 24, 25].map((n) => `ann ${n}`));
  expect(await outbox.positions()).toEqual(['ann 20 of 25']);
});

test('an event whose mark is refused comes again, and is not sent twice by this instance', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann']);
  const Records = await outbox.inserted();
  let refusing = true;
  outbox.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (refusing && commandName === 'UpdateItemCommand') throw new Error('AccessDenied');
        return next(args);
      },
    { step: 'initialize', name: 'refuse' },
  );
  const relay = outbox.relay([notebook]);
  expect(await failedOf(relay({ Records }, inTime))).toHaveLength(2);
  expect(outbox.summaries[0]!.problems).not.toEqual([]);
  refusing = false;
  expect(await failedOf(relay({ Records }, inTime))).toEqual([]);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2']);
  expect(await outbox.positions()).toEqual(['ann 2 of 2']);
});

test('a stream that can neither be sent nor listed comes again', async () => {
  const notebook = new Notebook('n');
  notebook.refuses = () => true;
  await outbox.write(['ann']);
  const Records = await outbox.inserted();
  outbox.client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        if (commandName === 'PutItemCommand') throw new Error('AccessDenied');
        return next(args);
      },
    { step: 'initialize', name: 'refuse' },
  );
  expect(await failedOf(outbox.relay([notebook])({ Records }, inTime))).toHaveLength(1);
});

test('marks, expiries and rows of the relay’s own are no events', async () => {
  const notebook = new Notebook('n');
  const relay = outbox.relay([notebook]);
  await outbox.write(['ann', 'ann']);
  const read = await outbox.reader();
  await relay({ Records: await read() }, inTime);
  await relay({}, inTime);
  const second = await read();
  expect(new Set(second.map(({ eventName }) => eventName))).toEqual(new Set(['INSERT', 'MODIFY']));
  expect(await failedOf(relay({ Records: second }, inTime))).toEqual([]);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2']);
});

function without(record: DynamoDBRecord, attribute: string): void {
  record.dynamodb!.NewImage = Object.fromEntries(
    Object.entries(record.dynamodb!.NewImage!).filter(([name]) => name !== attribute),
  );
}

test.each<[string, (record: DynamoDBRecord) => void, string]>([
  ['of a newer version', (record) => void (record.dynamodb!.NewImage!['v'] = { N: '3' }), 'NewerRow'],
  [
    'of the first release',
    (record) => void (record.dynamodb!.NewImage!['v'] = { N: '1' }),
    'FirstReleaseRow',
  ],
  ['without a type', (record) => without(record, 'type'), 'NotAnEvent'],
])(
  'a row %s is neither sent nor passed over: its stream is listed, the others go on',
  async (_, change, error) => {
    const notebook = new Notebook('n');
    await outbox.write(['ann', 'bob', 'ann']);
    const Records = await outbox.inserted();
    change(Records[0]!);
    expect(await failedOf(outbox.relay([notebook])({ Records }, inTime))).toEqual([]);
    expect(notebook.taken).toEqual(['bob 1']);
    expect(await outbox.stuck()).toMatchObject([{ reason: expect.stringContaining(error) }]);
    expect((outbox.summaries[0]!.problems[0]!.error as Error).name).toBe(error);
  },
);

test('an event that is too large for a target is told at once, and waits for a person at that target alone', async () => {
  const small = new Notebook('small');
  const bounded = Object.assign(small, {
    call: { events: 10, bytes: 1_000, sizeOf: ({ event }: { event: string }) => event.length },
  });
  const other = new Notebook('other');
  await outbox.write(['ann']);
  await outbox.write(['ann'], { bytes: 2_000 });
  await outbox.write(['ann']);
  await outbox.relay([bounded, other])({ Records: await outbox.inserted() }, inTime);
  expect([small.calls, other.taken]).toEqual([[['ann 1']], ['ann 1', 'ann 2', 'ann 3']]);
  expect(await outbox.stuckEntry('ann')).toMatchObject({
    reason: expect.stringContaining('TooLargeForTarget'),
  });
});

test('a call that fails for one event is taken apart: its neighbours are sent', async () => {
  const notebook = new Notebook('n');
  const target = {
    name: 'n',
    send: (events: Parameters<Notebook['send']>[0]) => {
      if (events.some(({ event }) => placeOf(event) === 'bob 1'))
        throw Object.assign(new Error('invalid'), { name: 'InvalidMessageContents', $fault: 'client' });
      return notebook.send(events);
    },
  };
  await outbox.write(['ann', 'bob', 'ann', 'cem']);
  await outbox.relay([target])({ Records: await outbox.inserted() }, inTime);
  expect(notebook.taken.sort()).toEqual(['ann 1', 'ann 2', 'cem 1']);
  expect((await outbox.stuck()).map(({ stream }) => JSON.parse(stream) as unknown)).toEqual([
    ['bank', '1', 'account', 'bob'],
  ]);
});

test('an event says which one before it its target was sent, when that is not the one before', async () => {
  const [all, some] = [new Notebook('all'), new Notebook('some', ['Opened', 'Closed'])];
  for (const type of ['Opened', 'Moved', 'Moved', 'Closed', 'Closed']) await outbox.write(['ann'], { type });
  await outbox.write(['bob'], { type: 'Moved' });
  await outbox.write(['bob'], { type: 'Closed' });
  await outbox.relay([all, some])({ Records: await outbox.inserted() }, inTime);
  const previous = (notebook: Notebook) =>
    notebook.events.map(({ event }) => {
      const { previousversion = '-' } = JSON.parse(event) as { previousversion?: string };
      return `${placeOf(event)} after ${previousversion}`;
    });
  expect(previous(some).sort()).toEqual(['ann 1 after -', 'ann 4 after 1', 'ann 5 after -', 'bob 2 after 0']);
  expect(previous(all).filter((text) => !text.endsWith('-'))).toEqual([]);
});

test('another instance sends again what comes again, and counts it', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann']);
  const Records = await outbox.inserted();
  await outbox.relay([notebook])({ Records }, inTime);
  await outbox.relay([notebook])({ Records }, inTime);
  expect(notebook.taken).toEqual(['ann 1', 'ann 1']);
  expect(outbox.summaries[1]).toMatchObject({ sent: 1 });
});

test('a FIFO queue gets the event as its body, its group, and one deduplication id for all sends', async () => {
  const queueUrl = await newQueue(outbox.queues, true);
  await outbox.write(['ann', 'ann', 'Zoë Müller']);
  const Records = await outbox.inserted();
  for (let relay = 0; relay < 2; relay += 1)
    await outbox.relay([queueTarget({ queueUrl, client: outbox.queues })])({ Records }, inTime);
  const messages = await drain(outbox.queues, queueUrl);
  expect(messages.map(({ Body }) => placeOf(Body!)).sort()).toEqual(['Zoë Müller 1', 'ann 1', 'ann 2']);
  for (const { Body, Attributes, MessageAttributes } of messages) {
    expect(Attributes!.MessageGroupId).toMatch(/^(ann|[0-9a-f]{64})$/);
    expect(MessageAttributes!['type']!.StringValue).toBe('Moved');
    expect(JSON.parse(Body!)).toMatchObject({
      ...{ specversion: '1.0', source: 'bank', type: 'Moved', kind: 'account', epoch: '1' },
      data: { text: '' },
    });
  }
  expect(messages.map(({ Body }) => (JSON.parse(Body!) as { id: string }).id)).toContain('1/account/ann/2');
});

test('every name of an aggregate has a group of its own that SQS takes', async () => {
  const queueUrl = await newQueue(outbox.queues, true);
  const plain = ['ok-1', 'a.b/c', 'x'.repeat(128)];
  const others = [
    'a b',
    'tab\tname',
    'Zoë Müller',
    '株式会社',
    '😀',
    '\u00e9',
    'e\u0301',
    'x'.repeat(129),
    'x'.repeat(130),
  ];
  await outbox.write([...plain, ...others]);
  const Records = await outbox.inserted();
  await outbox.relay([queueTarget({ queueUrl, client: outbox.queues })])({ Records }, inTime);
  const groups = (await drain(outbox.queues, queueUrl)).map(({ Attributes }) => Attributes!.MessageGroupId!);
  expect(new Set(groups).size).toBe(plain.length + others.length);
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
  for (const group of groups) expect(group).toMatch(/^[!-~]{1,128}$/);
  expect(groups).toEqual(expect.arrayContaining(plain));
});

test('a Standard queue gets a group, too, and what is sent again arrives again', async () => {
  const queueUrl = await newQueue(outbox.queues, false);
  await outbox.write(['ann']);
  const Records = await outbox.inserted();
  for (let relay = 0; relay < 2; relay += 1)
    await outbox.relay([queueTarget({ queueUrl, client: outbox.queues })])({ Records }, inTime);
  const messages = await drain(outbox.queues, queueUrl);
  expect(messages.map(({ Attributes }) => Attributes!.MessageGroupId)).toEqual(['ann', 'ann']);
});

test('no target, or two of one name, is refused at start', () => {
  expect(() => outbox.relay([])).toThrow('at least one target');
  expect(() => outbox.relay([new Notebook('n'), new Notebook('n')])).toThrow('one name');
});
