import * as z from 'zod/mini';
import { postgresKafkaSettings } from '../../runtime/kafka/postgres/index.js';
import { consumerSettings, sqsConsumer } from '../../runtime/sqs/index.js';
import { InvalidSettings } from '../../runtime/dynamodb/index.js';

const minimum = {
  EXACTLY_ONCE_CONSUMER_NAME: 'settled',
  EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL: 'https://sqs.us-east-1.amazonaws.com/1/d.fifo',
};
const receipts = { EXACTLY_ONCE_DEDUP_TABLE: 'dedup', EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: '3600' };

test('the settings are what the construct has put into the environment', () => {
  expect(consumerSettings({ ...minimum, ...receipts })).toEqual({
    consumerName: 'settled',
    deadLetterQueueUrl: minimum.EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL,
    dedupTable: 'dedup',
    receiptRetentionSeconds: 3600,
  });
});

test('fails naming every variable that is missing', () => {
  expect(() => consumerSettings({})).toThrow(InvalidSettings);
  expect(() => consumerSettings({})).toThrow(
    /EXACTLY_ONCE_CONSUMER_NAME.*EXACTLY_ONCE_DEAD_LETTER_QUEUE_URL/,
  );
  const half = { ...minimum, EXACTLY_ONCE_DEDUP_TABLE: 'dedup' };
  expect(() => consumerSettings(half)).toThrow('EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS is not set');
});

test.each(['0', '-1', '1.5', '1h', 'NaN', ' 60'])(
  'fails on a retention of %p and names the variable',
  (text) => {
    const wrong = { ...minimum, ...receipts, EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS: text };
    const said = `EXACTLY_ONCE_RECEIPT_RETENTION_SECONDS must be a whole number from 1, got '${text}'`;
    expect(() => consumerSettings(wrong)).toThrow(said);
    expect(() => postgresKafkaSettings(wrong)).toThrow(said);
  },
);

test('fails when the consumer name is no stable name', () => {
  expect(() => consumerSettings({ ...minimum, EXACTLY_ONCE_CONSUMER_NAME: 'a b' })).toThrow(
    "consumerName must be 1 to 64 of A-Z a-z 0-9 _ . -, got 'a b'",
  );
});

test('a way that keeps no receipts needs no table; the transaction way says at start that it does', () => {
  const settings = consumerSettings(minimum);
  const start = () =>
    sqsConsumer({
      settings,
      schema: z.object({ id: z.string() }),
      key: ({ body }) => body.id,
      handle: () => undefined,
    });
  expect(start).toThrow('dedupTable and receiptRetentionSeconds are not set');
});
