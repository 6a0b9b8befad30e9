import type { SQSMessageAttributes, SQSRecord } from 'aws-lambda';
import fc from 'fast-check';
import { reasonOf } from '../../runtime/consumer/failures.js';
import { deadLetterMessage } from '../../runtime/sqs/dead-letter.js';
import { deadLetterAttribute, type DeadLetter } from '../../runtime/sqs/index.js';
import { letterOf, type SentLetter } from '../../runtime/sqs/letter.js';
import { assertSqsRequest } from '../model/sqs-limits.js';
import { record } from '../fixtures/queue.js';

const maxBytes = 1024 * 1024;
const letter = (reason: string): DeadLetter => ({
  reason,
  kind: 'rejected',
  consumerName: 'orders',
  key: 'order-1',
  stream: 'arn:aws:sqs:us-east-1:000000000000:orders.fifo',
  group: 'g',
  sequence: '18849496460467696128',
  firstEnqueue: '2026-01-01T00:00:00.000Z',
  attempts: 5,
});

/** A message as SQS may hold it: up to 1 MiB with its attributes. */
function message(bodyBytes: number, attributes: SQSMessageAttributes): SQSRecord {
  return record({ group: 'g', body: 'b'.repeat(Math.max(1, bodyBytes)), messageAttributes: attributes });
}
function attributesOf(values: readonly string[]): SQSMessageAttributes {
  return Object.fromEntries(
    values.map((stringValue, i) => [`name-${i}`, { dataType: 'String', stringValue }]),
  );
}
const bytesOf = (attributes: SQSMessageAttributes) =>
  Object.entries(attributes).reduce(
    (sum, [name, { dataType, stringValue = '' }]) => sum + Buffer.byteLength(name + dataType + stringValue),
    0,
  );

/** What is sent, as whoever reads the dead-letter queue sees it. */
function sent(one: SQSRecord, reason: string, canStore: boolean) {
  const { message: copy, stored } = deadLetterMessage(one, letter(reason), canStore);
  assertSqsRequest('SendMessageCommand', { ...copy, QueueUrl: 'https://sqs/dead.fifo' });
  const { [deadLetterAttribute]: said, ...beside } = copy.MessageAttributes ?? {};
  const read = letterOf({
    ...one,
    messageAttributes: {
      ...(said && {
        [deadLetterAttribute]: { dataType: 'String', stringValue: said.StringValue ?? '' },
      }),
    },
  }) as SentLetter | undefined;
  const attributes = read?.attributes ?? beside;
  return { body: copy.MessageBody, stored, read, attributes: Object.keys(attributes).sort() };
}

/** Anything that a thrown value may say: control characters, halves of emoji, whole ones. */
const reasons = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 2_000, size: 'max' }),
  fc.string({ maxLength: 3_000, size: 'max' }),
  fc
    .array(fc.constantFrom('\0', '\u001b', '\ud83d', '\ude00', '😀', '\uffff', '"', '\\', 'ß'), {
      maxLength: 2_000,
      size: 'max',
    })
    .map((parts) => parts.join('')),
);

test('R51: whatever its size, its attributes and its reason, a dead letter is taken by SQS, with the body and the reason', () => {
  const values = fc.array(
    fc.oneof(
      fc.string({ minLength: 1, maxLength: 50, unit: fc.constantFrom('a', '"', '\\', 'é', '\n') }),
      fc.integer({ min: 1, max: 120_000 }).map((length) => 'v'.repeat(length)),
      fc.integer({ min: 1, max: 60_000 }).map((length) => '"'.repeat(length)),
    ),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(
      values,
      fc.oneof(fc.integer({ min: 0, max: 6_000 }), fc.integer({ min: 0, max: maxBytes })),
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 200 }), reasons),
      (some, room, reason) => {
        const attributes = attributesOf(some);
        // Most messages are as large as they may be, but for what is left out here.
        const one = message(maxBytes - bytesOf(attributes) - room, attributes);
        const said = reasonOf(new Error(reason));
        const { body, stored, read, attributes: kept } = sent(one, said, true);
        expect(Buffer.byteLength(said)).toBeLessThanOrEqual(1_024);
        expect(stored === undefined ? body : stored.id).toBe(stored === undefined ? one.body : read?.stored);
        expect(read).toMatchObject(JSON.parse(JSON.stringify({ ...letter(said) })) as object);
        if (read?.withoutAttributes !== true) expect(kept).toEqual(Object.keys(attributes).sort());
      },
    ),
    { numRuns: 120 },
  );
});

test.each<[what: string, bodyBytes: number, attributes: SQSMessageAttributes, expected: object]>([
  ['a small one is sent as it is', 10, attributesOf(['a']), { attributes: ['name-0'] }],
  [
    'ten attributes leave no room for an eleventh: they go into the letter',
    10,
    attributesOf(Array.from({ length: 10 }, () => 'a')),
    { attributes: Array.from({ length: 10 }, (_, i) => `name-${i}`) },
  ],
  [
    'a full body is stored, and its attributes stay',
    maxBytes - 50,
    attributesOf(['a']),
    { attributes: ['name-0'], stored: true },
  ],
  [
    'a full body with ten attributes too',
    maxBytes - 500,
    attributesOf(Array.from({ length: 10 }, () => 'a')),
    { attributes: Array.from({ length: 10 }, (_, i) => `name-${i}`), stored: true },
  ],
  [
    'attributes for which there is no room anywhere are left out, and that is said',
    10,
    attributesOf(Array.from({ length: 10 }, () => '"'.repeat(100_000))),
    { attributes: [], read: expect.objectContaining({ withoutAttributes: true }) as object },
  ],
])('R51: %s', (_, bodyBytes, attributes, expected) => {
  const one = message(bodyBytes, attributes);
  const { stored, ...rest } = sent(one, 'why', true);
  expect({ ...rest, stored: stored !== undefined }).toMatchObject({ stored: false, ...expected });
});

test('without a place to store it, the body is what is sent, and what has no room beside it is left out', () => {
  for (const room of [0, 100, 700, 2_000]) {
    const one = message(maxBytes - room, {});
    expect(sent(one, 'why', false).body).toBe(one.body);
  }
  const attributes = attributesOf(['v'.repeat(2_000)]);
  const { body, read } = sent(message(maxBytes - 2_100, attributes), 'why', false);
  expect(body).toHaveLength(maxBytes - 2_100);
  expect(read).toMatchObject({ reason: 'why', withoutAttributes: true });
});

test('one that was redriven and is rejected again carries the last letter, and one only', () => {
  const first = {
    [deadLetterAttribute]: { dataType: 'String', stringValue: JSON.stringify(letter('first')) },
  } as const;
  const { read, attributes } = sent(message(10, { ...attributesOf(['a']), ...first }), 'second', true);
  expect(read?.reason).toBe('second');
  expect(attributes).toEqual(['name-0']);
});

test('two letters of one message differ to a FIFO queue, unless they are of one delivery: a letter that was sent back within 5 minutes swallows no later one', () => {
  const first = record({ group: 'g', body: 'b' });
  const later = { ...first, attributes: { ...first.attributes, ApproximateReceiveCount: '2' } };
  const idOf = (one: SQSRecord) => deadLetterMessage(one, letter('no'), false).message.MessageDeduplicationId;
  expect(idOf(first)).toBeDefined();
  expect(idOf(first)).toBe(idOf({ ...first }));
  expect(idOf(later)).not.toBe(idOf(first));
});

test.each<[what: string, bodyBytes: number, attributes: SQSMessageAttributes]>([
  ['a stored body', maxBytes - 50, attributesOf(['a'])],
  ['attributes in the letter', 10, attributesOf(Array.from({ length: 10 }, () => 'a'))],
  ['both', maxBytes - 400, attributesOf(Array.from({ length: 10 }, () => 'a'))],
])(
  'R51: a letter with %s that was moved back as it is, and is refused again, still says where all of it is',
  (_what, bodyBytes, attributes) => {
    const one = message(bodyBytes, attributes);
    const first = deadLetterMessage(one, letter('first'), true).message;
    const moved: SQSRecord = {
      ...one,
      messageId: 'another',
      body: first.MessageBody ?? '',
      messageAttributes: Object.fromEntries(
        Object.entries(first.MessageAttributes ?? {}).map(([name, { DataType = '', StringValue }]) => [
          name,
          { dataType: DataType as 'String', stringValue: StringValue },
        ]),
      ),
    };
    const before = sent(one, 'first', true);
    const again = sent(moved, 'second', true);
    expect(again.read?.reason).toBe('second');
    expect(again.attributes).toEqual(before.attributes);
    expect([again.body, again.read?.stored]).toEqual([before.body, before.read?.stored]);
  },
);

test.each(['null', '5', '{"attributes":"x","stored":{}}', '{"attributes":{"a b":5},"withoutAttributes":1}'])(
  'a letter that says %s spoils no dead letter',
  (stringValue) => {
    const one = message(10, {
      ...attributesOf(['a']),
      [deadLetterAttribute]: { dataType: 'String', stringValue },
    });
    expect(sent(one, 'why', true)).toMatchObject({ body: one.body, read: { reason: 'why' } });
  },
);
