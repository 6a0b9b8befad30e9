import { DeleteItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { listStuck, queueTarget, readRelayState, type RelayTarget } from '../../runtime/outbox/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { drain } from '../fixtures/queue.js';
import { newQueue } from './outbox-world.js';
import { digits, inTime, Notebook, placeOf, streamOf, WrittenOutbox } from './written-outbox.js';

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => {
  outbox.close();
  jest.restoreAllMocks();
});

/** From now on it is so much later. */
function later(ms: number): void {
  const real = Date.now.bind(Date);
  const before = Date.now();
  const at = real();
  jest.restoreAllMocks();
  const now = Date.now.bind(Date);
  const offset = before - now() + ms;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + offset);
  expect(at).toBeLessThanOrEqual(Date.now());
}

/** How often each command is sent from now on. */
function counted(): Map<string, number> {
  const counts = new Map<string, number>();
  outbox.client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        counts.set(commandName, (counts.get(commandName) ?? 0) + 1);
        return next(args);
      },
    { step: 'initialize', name: 'count' },
  );
  return counts;
}

const hours = (count: number) => count * 3600_000;
const upTo = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);
const of = (name: string) => (place: string) => place.startsWith(name);

test('a sweep alone, whose stream never brought anything, sends everything in order, and marks it', async () => {
  const notebook = new Notebook('n');
  await outbox.write(Array.from({ length: 300 }, (_, i) => `a${i % 30}`));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await outbox.relay([notebook], { graceSeconds: 0 })({}, inTime);
  for (let i = 0; i < 30; i += 1) expect(notebook.taken.filter(of(`a${i} `))).toEqual(upTo(`a${i}`, 10));
  expect((await outbox.positions()).every((position) => position.endsWith(' 10 of 10'))).toBe(true);
  await outbox.relay([notebook], { graceSeconds: 0 })({}, inTime);
  expect(notebook.taken).toHaveLength(300);
  expect(outbox.summaries).toMatchObject([{ by: 'sweep', sent: 300, failed: 0 }, { sent: 0 }]);
});

test('what is younger than the grace is left to the stream, with what is behind it', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann'], { at: Date.now() - 120_000 });
  await outbox.write(['ann']);
  await outbox.write(['ann'], { at: Date.now() - 120_000 });
  await outbox.write(['bob']);
  await outbox.relay([notebook])({}, inTime);
  expect(notebook.taken).toEqual(['ann 1']);
  expect(await outbox.positions()).toEqual(['ann 1 of 3', 'bob 0 of 1']);
});

test('while ticks come back nothing is scanned, but once a day; when they do not, everything is found', async () => {
  const notebook = new Notebook('n');
  const relay = outbox.relay([notebook]);
  const read = await outbox.reader();
  const back = async () => relay({ Records: await read() }, inTime);
  // Nothing is known of the stream yet.
  await relay({}, inTime);
  await back();
  const counts = counted();
  later(hours(1));
  await outbox.write(['ann']);
  later(hours(1));
  // Lost on the way: its record is read, and never given to the relay.
  await read();
  await relay({}, inTime);
  expect([counts.get('ScanCommand') ?? 0, notebook.taken]).toEqual([0, []]);
  await back();
  later(hours(21));
  await relay({}, inTime);
  await back();
  expect(notebook.taken).toEqual([]);
  later(hours(2));
  await relay({}, inTime);
  expect([counts.get('ScanCommand'), notebook.taken]).toEqual([1, ['ann 1']]);
  expect(outbox.gauges.at(-1)?.oldestUnsentSeconds).toBeGreaterThan(23 * 3600);
});

test('a stream that is off for 25 hours: the sweep sends everything, and tells that the stream is silent', async () => {
  const notebook = new Notebook('n');
  const relay = outbox.relay([notebook]);
  const read = await outbox.reader();
  await relay({}, inTime);
  await relay({ Records: await read() }, inTime);
  for (let hour = 0; hour < 25; hour += 5) {
    await outbox.write(['ann', 'bob', 'ann', 'bob', 'ann', 'bob', 'ann', 'bob', 'ann', 'bob']);
    await relay({}, inTime);
    later(hours(5));
  }
  await relay({}, inTime);
  expect(notebook.taken.filter(of('ann'))).toEqual(upTo('ann', 25));
  expect(notebook.taken.filter(of('bob'))).toEqual(upTo('bob', 25));
  expect(outbox.gauges.at(-1)?.streamSilenceSeconds).toBeGreaterThanOrEqual(24 * 3600);
  // The stream is on again, and what it still has comes late: it is passed over.
  await outbox.write(['ann']);
  const Records = await outbox.inserted();
  await relay({ Records }, inTime);
  await outbox.relay([notebook])({ Records }, inTime);
  expect(notebook.taken.filter(of('ann')).slice(0, 26)).toEqual(upTo('ann', 26));
  expect(await outbox.positions()).toEqual(['ann 26 of 26', 'bob 25 of 25']);
});

test('250 events that a target does not take hide nobody else', async () => {
  const [gone, healthy] = [new Notebook('gone', ['ToGone']), new Notebook('healthy', ['Fine'])];
  gone.refuses = () => true;
  for (let i = 0; i < 25; i += 1)
    await outbox.write(
      Array.from({ length: 10 }, () => `bad${i}`),
      { type: 'ToGone' },
    );
  await outbox.write(
    Array.from({ length: 20 }, (_, i) => `good${i}`),
    { type: 'Fine' },
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  const relay = outbox.relay([gone, healthy], { graceSeconds: 0 });
  await relay({}, inTime);
  expect(healthy.taken).toHaveLength(20);
  expect(await outbox.stuck()).toHaveLength(25);
  gone.refuses = () => false;
  await relay({}, inTime);
  expect(gone.taken).toHaveLength(250);
  for (let i = 0; i < 25; i += 1) expect(gone.taken.filter(of(`bad${i} `))).toEqual(upTo(`bad${i}`, 10));
  expect(await outbox.stuck()).toEqual([]);
});

test('a target that was left out is asked anew by the next sweep, and has everything if it is well again', async () => {
  const notebook = new Notebook('n');
  let away = true;
  const target: RelayTarget = {
    name: 'n',
    send: (events) => (away ? Promise.reject(new Error('away')) : notebook.send(events)),
  };
  const relay = outbox.relay([target]);
  await outbox.write(['ann', 'ann', 'ann']);
  const Records = await outbox.inserted();
  for (let i = 0; i < 5; i += 1) await relay({ Records: Records.slice(0, 1) }, inTime);
  away = false;
  await relay({ Records: Records.slice(1) }, inTime);
  expect(notebook.taken).toEqual([]);
  await relay({}, inTime);
  expect(notebook.taken).toEqual(upTo('ann', 3));
});

test('a stream that does not get further is due later, and is told with its age; it goes on when its target does', async () => {
  const notebook = new Notebook('n');
  notebook.refuses = () => true;
  const relay = outbox.relay([notebook]);
  await outbox.write(['ann', 'ann']);
  await relay({ Records: await outbox.inserted() }, inTime);
  const [entry] = await outbox.stuck();
  later(60_000);
  await relay({}, inTime);
  expect(outbox.gauges.at(-1)).toMatchObject({ stuckStreams: 1 });
  expect(outbox.gauges.at(-1)?.oldestUnsentSeconds).toBeGreaterThanOrEqual(60);
  const [failed] = await outbox.stuck();
  expect(failed).toMatchObject({ tries: 1, since: entry!.since, at: entry!.at });
  expect(failed!.due).toBeGreaterThan(Date.now());
  notebook.refuses = () => false;
  await relay({}, inTime);
  expect(notebook.taken).toEqual([]);
  later(60_000);
  await relay({}, inTime);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2']);
  expect(await outbox.stuck()).toEqual([]);
  later(60_000);
  await relay({}, inTime);
  expect(outbox.gauges.at(-1)).toMatchObject({ stuckStreams: 0, oldestUnsentSeconds: 0 });
});

test('gauges are told also when nothing else works', async () => {
  outbox.client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args) => {
        if (!['QueryCommand'].includes(commandName)) throw new Error('AccessDenied');
        return next(args);
      },
    { step: 'initialize', name: 'refuse' },
  );
  await outbox.relay([new Notebook('n')])({}, inTime);
  expect(outbox.gauges).toHaveLength(1);
  expect(outbox.summaries[0]!.problems).not.toEqual([]);
});

test('an event that is left to the list while its stream is taken off it is not forgotten', async () => {
  const [good, bad] = [new Notebook('good'), new Notebook('bad')];
  bad.refuses = () => true;
  await outbox.write(['ann']);
  const read = await outbox.reader();
  const relay = outbox.relay([good, bad]);
  await relay({ Records: await read() }, inTime);
  bad.refuses = () => false;
  let once = true;
  outbox.client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        // The sweep has sent everything that it has read, and is about to mark it and take the stream off the list.
        if (commandName === 'UpdateItemCommand' && once) {
          once = false;
          await outbox.write(['ann']);
          await outbox.relay([good, bad])({ Records: await read() }, inTime);
          expect(bad.taken).toEqual(['ann 1']);
        }
        return next(args);
      },
    { step: 'initialize', name: 'between' },
  );
  await relay({}, inTime);
  await relay({}, inTime);
  expect([good.taken, bad.taken]).toEqual([upTo('ann', 2), upTo('ann', 2)]);
  expect(await outbox.positions()).toEqual(['ann 2 of 2']);
  expect(await outbox.stuck()).toEqual([]);
});

test('two sweeps at once, and one beside the stream, send nothing out of order and lose nothing', async () => {
  const notebook = new Notebook('n');
  await outbox.write(Array.from({ length: 120 }, (_, i) => `a${i % 6}`));
  const Records = await outbox.inserted();
  await new Promise((resolve) => setTimeout(resolve, 5));
  const relays = [1, 2, 3].map(() => outbox.relay([notebook], { graceSeconds: 0 }));
  await Promise.all([relays[0]!({}, inTime), relays[1]!({}, inTime), relays[2]!({ Records }, inTime)]);
  for (let i = 0; i < 6; i += 1) {
    const first = [...new Set(notebook.taken.filter(of(`a${i} `)))];
    expect(first).toEqual(upTo(`a${i}`, 20));
  }
  expect((await outbox.positions()).every((position) => position.endsWith(' 20 of 20'))).toBe(true);
});

/** A sweep whose saves of its place wait to be let through, and which may be told that its time is over. */
function slowSweep(target: RelayTarget, savesBefore: number) {
  const client = dynamo();
  const state = { saves: 0, isOver: false };
  const isHeld = Promise.withResolvers<unknown>();
  const gate = Promise.withResolvers<unknown>();
  client.middlewareStack.add(
    (next) => async (args) => {
      const { Item } = args.input as { Item?: { version?: { S?: string } } };
      if (Item?.version?.S === 'scan' && (state.saves += 1) > savesBefore) {
        isHeld.resolve(undefined);
        await gate.promise;
      }
      return next(args);
    },
    { step: 'initialize' },
  );
  const context = { getRemainingTimeInMillis: () => (state.isOver ? 0 : 30_000) };
  const ended = outbox
    .relay([target], { dynamodb: client })({}, context)
    .finally(() => client.destroy());
  return {
    isHeld: isHeld.promise,
    /** Its place is saved after all, and then it ends. */
    async letGo() {
      state.isOver = true;
      gate.resolve(undefined);
      await ended;
    },
  };
}

test.each([
  ['backwards', 0],
  ['forwards', 1],
])(
  'a place that a slower sweep overwrites %s costs another scan, and no event',
  async (_where, savesBefore) => {
    const notebook = new Notebook('n');
    // A page of the scan ends at 1 MB: there are four.
    const names = Array.from({ length: 80 }, (_, i) => `a${i}`);
    const lost = { at: Date.now() - 600_000, bytes: 40_000 };
    const sweepOnce = () => outbox.relay([notebook])({}, inTime);
    await outbox.write(names, lost);
    const slow = slowSweep(notebook, savesBefore);
    await slow.isHeld;
    await sweepOnce();
    // The stream brings nothing of this either. The next scan has been through one page of it.
    await outbox.write(names, lost);
    const begun = slowSweep(notebook, 0);
    await begun.isHeld;
    await begun.letGo();
    await slow.letGo();
    await sweepOnce();
    await sweepOnce();
    for (const name of names)
      expect([...new Set(notebook.taken.filter(of(`${name} `)))]).toEqual(upTo(name, 2));
    for (const position of await outbox.positions()) expect(position).toMatch(/ 2 of 2$/);
    const { scan } = await readRelayState(outbox.access());
    expect(scan).toMatchObject({ cursor: undefined, finishedAt: expect.any(Number) as number });
  },
);

test('what is asked for is sent again, past what a FIFO queue remembers of the last send', async () => {
  const queueUrl = await newQueue(outbox.queues, true);
  const relay = outbox.relay([queueTarget({ queueUrl, client: outbox.queues })]);
  await outbox.write(['ann', 'ann', 'ann', 'bob']);
  await relay({ Records: await outbox.inserted() }, inTime);
  const places = async () => (await drain(outbox.queues, queueUrl)).map(({ Body }) => placeOf(Body!)).sort();
  expect(await places()).toEqual(['ann 1', 'ann 2', 'ann 3', 'bob 1']);
  const again = { stream: streamOf('ann'), at: Date.now(), next: new Map([['*', 2n]]), reason: 'asked for' };
  await listStuck(outbox.access(), again);
  await relay({}, inTime);
  expect(await places()).toEqual([]);
  await listStuck(outbox.access(), { ...again, salt: 'after the restore' });
  await relay({}, inTime);
  expect(await places()).toEqual(['ann 2', 'ann 3']);
  expect(await outbox.stuck()).toEqual([]);
});

test('a mark that was lost is written by the scan: the row may expire like any other', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann', 'ann', 'ann']);
  const relay = outbox.relay([notebook], { graceSeconds: 0 });
  await relay({ Records: await outbox.inserted() }, inTime);
  await outbox.client.send(
    new UpdateItemCommand({
      TableName: outbox.table,
      Key: { stream: { S: streamOf('ann') }, version: { S: digits(1) } },
      UpdateExpression: 'REMOVE expiration',
    }),
  );
  await relay({}, inTime);
  expect(notebook.taken).toHaveLength(4);
  expect((await outbox.rows()).filter(({ data, expiration }) => data && expiration)).toHaveLength(3);
});

test('rows that have expired were sent: the stream goes on behind them', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann', 'ann', 'ann']);
  await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  for (const version of [1, 2, 3])
    await outbox.client.send(
      new DeleteItemCommand({
        TableName: outbox.table,
        Key: { stream: { S: streamOf('ann') }, version: { S: digits(version) } },
      }),
    );
  await outbox.write(['ann']);
  await new Promise((resolve) => setTimeout(resolve, 5));
  // By an instance that remembers nothing.
  await outbox.relay([notebook], { graceSeconds: 0 })({}, inTime);
  expect(notebook.taken.slice(4)).toEqual(['ann 5']);
});

test('rows of the first release are not sent: what they left is listed', async () => {
  const old = (version: number, sent: boolean) =>
    new PutItemCommand({
      TableName: outbox.table,
      Item: {
        ...{ stream: { S: JSON.stringify(['bank', '1', 'old']) }, version: { S: digits(version) } },
        ...{ event: { S: '{}' }, type: { S: 't' }, group: { S: 'g' }, at: { N: '1' }, v: { N: '1' } },
        ...(sent ? { sentAt: { N: '1' }, expiration: { N: '9999999999' } } : { unsent: { S: '00' } }),
      },
    });
  await outbox.client.send(old(1, true));
  await outbox.client.send(old(2, false));
  await outbox.client.send(old(3, true));
  const notebook = new Notebook('n');
  const relay = outbox.relay([notebook]);
  await relay({}, inTime);
  expect(notebook.taken).toEqual([]);
  expect(await outbox.stuck()).toMatchObject([{ reason: expect.stringContaining('FirstReleaseRow') }]);
  expect([...(await outbox.stuck())[0]!.next]).toEqual([['*', 2n]]);
});

test('a short run works for four fifths of its time, and the next one goes on where it ended', async () => {
  const notebook = new Notebook('n');
  // Time that passes while the target is asked, and at no other place: neither load nor patience has a part in it.
  const givenMs = 14_000;
  const sendMs = 700;
  let leftMs = givenMs;
  const context = { getRemainingTimeInMillis: () => leftMs };
  const slow = {
    name: 'slow',
    send: (events: Parameters<Notebook['send']>[0]) => {
      leftMs -= sendMs;
      return notebook.send(events);
    },
  };
  await outbox.write(Array.from({ length: 200 }, () => 'ann'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  const relay = outbox.relay([slow], { graceSeconds: 0 });
  await relay({}, context);
  // Nothing is begun in the last fifth, and up to there something always is.
  expect(leftMs).toBeLessThanOrEqual(givenMs / 5);
  expect(leftMs).toBeGreaterThan(givenMs / 5 - sendMs);
  expect(notebook.taken.length).toBeLessThan(200);
  for (let run = 0; run < 9 && notebook.taken.length < 200; run += 1) {
    leftMs = givenMs;
    await relay({}, context);
  }
  expect(notebook.taken).toEqual(upTo('ann', 200));
});
