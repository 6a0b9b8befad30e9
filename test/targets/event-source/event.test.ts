import { createHash } from 'node:crypto';
import { realisticSequenceNumber } from '../../../targets/event-source/sequence-number.js';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

test('a record has the fields that Lambda gives it', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const [messageId] = await bench.send({
    body: '{"n":1}',
    group: 'alice',
    attributes: {
      colour: { DataType: 'String', StringValue: 'red' },
      bytes: { DataType: 'Binary', BinaryValue: Buffer.from([0, 255, 16]) },
    },
  });
  const runner = await lab.run(bench);
  await runner.idle(100);

  const [invocation] = await bench.seen();
  const record = invocation!.records[0]!;
  expect(record).toEqual({
    messageId,
    receiptHandle: expect.stringMatching(/.+/),
    body: '{"n":1}',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: expect.stringMatching(/^\d{13}$/),
      SenderId: expect.stringMatching(/.+/),
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
      MessageGroupId: 'alice',
      MessageDeduplicationId: expect.stringMatching(/.+/),
      SequenceNumber: expect.stringMatching(/^\d{20}$/),
    },
    messageAttributes: {
      colour: { stringValue: 'red', stringListValues: [], binaryListValues: [], dataType: 'String' },
      bytes: { binaryValue: 'AP8Q', stringListValues: [], binaryListValues: [], dataType: 'Binary' },
    },
    md5OfBody: createHash('md5').update('{"n":1}').digest('hex'),
    md5OfMessageAttributes: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventSource: 'aws:sqs',
    eventSourceARN: runner.mappings[0]!.queueArn,
    awsRegion: 'us-east-1',
  });
});

test('a record of a standard queue has no group and no sequence number', async () => {
  const bench = await lab.bench({ behaviour: () => undefined, fifo: false });
  await bench.send({ body: 'plain' });
  const runner = await lab.run(bench);
  await runner.idle(100);

  const [invocation] = await bench.seen();
  expect(Object.keys(invocation!.records[0]!.attributes).sort()).toEqual([
    'ApproximateFirstReceiveTimestamp',
    'ApproximateReceiveCount',
    'SenderId',
    'SentTimestamp',
  ]);
  expect(invocation!.records[0]!.messageAttributes).toEqual({});
});

test('sequence numbers have 20 digits above 2^64, grow, and are never consecutive', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  await bench.send({ body: '1' }, { body: '2' }, { body: '3' }, { body: '4', group: 'h' });
  const runner = await lab.run(bench);
  await runner.idle(100);

  const records = (await bench.seen()).flatMap((invocation) => invocation.records);
  const numbers = records
    .sort((a, b) => a.body.localeCompare(b.body))
    .map(({ attributes }) => attributes['SequenceNumber']!);
  for (const [index, number] of numbers.entries()) {
    expect(number).toHaveLength(20);
    expect(BigInt(number)).toBeGreaterThan(2n ** 64n);
    if (index > 0) expect(BigInt(number) - BigInt(numbers[index - 1]!)).toBeGreaterThan(1n);
  }
  // As JavaScript numbers two neighbours would be one.
  expect(Number(numbers[0])).toBe(Number(numbers[1]));
});

test('a real sequence number is passed on as it is', () => {
  expect(realisticSequenceNumber('18849496460467696128')).toBe('18849496460467696128');
  expect(realisticSequenceNumber('00000000000000000001')).toBe('18849496460467696384');
});
