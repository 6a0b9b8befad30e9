import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { listStuck, type RelayedEvent } from '../../runtime/outbox/index.js';
import { stuckKey } from '../../runtime/outbox/stuck-stream.js';
import { inTime, Notebook, placesOf, streamOf, WrittenOutbox } from './written-outbox.js';

let outbox: WrittenOutbox;
beforeEach(async () => {
  outbox = await WrittenOutbox.open();
});
afterEach(() => outbox.close());

const names = Array.from({ length: 12 }, (_, i) => `n${i}`);

/** All of these are listed; the entry of the first was written by a newer version of this library. */
async function listAll(): Promise<void> {
  await outbox.write(names, { at: Date.now() - 120_000 });
  for (const name of names) {
    const next = new Map([['*', 1n]]);
    await listStuck(outbox.access(), { stream: streamOf(name), at: Date.now(), next, reason: 'x' });
  }
  await outbox.client.send(
    new UpdateItemCommand({
      TableName: outbox.table,
      Key: stuckKey(streamOf('n0')),
      UpdateExpression: 'SET v = :v',
      ExpressionAttributeValues: { ':v': { N: '9' } },
    }),
  );
}

test('R17: an entry of a newer version keeps the sweep from nothing but its own stream', async () => {
  const notebook = new Notebook('n');
  await listAll();
  for (let round = 0; round < 3; round += 1) await outbox.relay([notebook])({}, inTime);
  expect([...notebook.taken].sort()).toEqual(
    names
      .slice(1)
      .map((name) => `${name} 1`)
      .sort(),
  );
  expect(outbox.summaries.at(-1)?.problems).toMatchObject([{ error: { name: 'NewerRow' } }]);
});

test('R17: nor the stream: only what is of that stream comes again', async () => {
  const notebook = new Notebook('n');
  await listAll();
  await outbox.write(['other']);
  const read = await outbox.reader();
  await read();
  await outbox.write([...names, 'other']);
  const records = await read();
  const { batchItemFailures } = await outbox.relay([notebook])({ Records: records }, inTime);
  const failed = batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  expect(placesOf(records, failed)).toEqual(['n0 2']);
  expect(notebook.taken).toEqual(['other 1', 'other 2']);
});

test('a row by hand whose version is none holds up no event of its stream, and is told', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann']);
  await outbox.client.send(
    new PutItemCommand({
      TableName: outbox.table,
      Item: {
        stream: { S: streamOf('ann') },
        version: { S: 'by hand' },
        type: { S: 'T' },
        data: { S: '{}' },
      },
    }),
  );
  await outbox.write(['ann']);
  const { batchItemFailures } = await outbox.relay([notebook])({ Records: await outbox.inserted() }, inTime);
  expect(batchItemFailures).toEqual([]);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2']);
  expect(outbox.summaries.at(-1)?.problems).toMatchObject([{ error: { name: 'NotAnEvent' } }]);
  await outbox.relay([notebook], { graceSeconds: 0 })({}, inTime);
  expect([notebook.taken.length, await outbox.stuck(), await outbox.positions()]).toEqual([
    2,
    [],
    [expect.stringContaining('ann')],
  ]);
});

test('an observer that throws brings nothing back', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann']);
  const observe = () => {
    throw new Error('no metrics today');
  };
  const relay = outbox.relay([notebook], { observe, observeGauges: observe, graceSeconds: 0 });
  expect(await relay({ Records: await outbox.inserted() }, inTime)).toEqual({ batchItemFailures: [] });
  await listStuck(outbox.access(), {
    stream: streamOf('ann'),
    at: 1,
    next: new Map([['*', 1n]]),
    reason: 'x',
    salt: 's',
  });
  expect(await relay({}, inTime)).toEqual({ batchItemFailures: [] });
  expect(notebook.taken).toEqual(['ann 1', 'ann 1']);
});

test('what is asked for while the sweep sends is sent after it was asked for', async () => {
  const notebook = new Notebook('n');
  await outbox.write(['ann', 'ann']);
  const ask = (salt: string) =>
    listStuck(outbox.access(), {
      stream: streamOf('ann'),
      at: 1,
      next: new Map([['*', 1n]]),
      reason: 'x',
      salt,
    });
  await ask('one');
  let asked = false;
  const target = {
    name: 'n',
    send: async (events: readonly RelayedEvent[]) => {
      if (!asked) await ask('two');
      asked = true;
      return notebook.send(events);
    },
  };
  for (let round = 0; round < 2; round += 1) await outbox.relay([target])({}, inTime);
  expect(notebook.taken).toEqual(['ann 1', 'ann 2', 'ann 1', 'ann 2']);
  expect(new Set(notebook.events.map(({ deduplicationId }) => deduplicationId)).size).toBe(4);
  expect(await outbox.stuck()).toEqual([]);
});
