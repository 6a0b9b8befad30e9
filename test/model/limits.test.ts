import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { InProcessDynamo, type DynamoFaults } from './in-process-dynamo.js';
import { assertSqsRequest, maxMessageBytes } from './sqs-limits.js';

/** Jest's matcher is typed any. */
const refusal = (fields: object) => expect.objectContaining(fields) as Error;

const TableName = 't';
const kb = 1024;
const text = (length: number): AttributeValue => ({ S: 'x'.repeat(length) });
const id = (S = 'a') => ({ id: { S } });

function dynamo(faults: DynamoFaults = {}) {
  const dynamo = new InProcessDynamo({ now: () => 0, ...faults });
  dynamo.tables.create(TableName, 'id').indexes.set('byKind', ['kind', 'at']);
  dynamo.tables.create('sorted', 'id', 'sort');
  return dynamo;
}
const put = (item: Record<string, AttributeValue>, table = TableName) =>
  new PutItemCommand({ TableName: table, Item: { ...id(), ...item } });
const puts = (count: number, bytes: number) =>
  new TransactWriteItemsCommand({
    TransactItems: Array.from({ length: count }, (_, i) => ({
      Put: { TableName, Item: { ...id(String(i)), v: text(bytes) } },
    })),
  });
const conditional = (ConditionExpression: string) =>
  new PutItemCommand({ TableName, Item: id(), ConditionExpression });
const expression = (bytes: number) => `a <> b OR ${'c'.repeat(bytes - 15)} <> d`;
const number = (N: string) => put({ n: { N } });

/** What holds on both sides of each limit. */
test.each([
  ['an item of 400 KB, names included', put({ v: text(400 * kb - 4) }), put({ v: text(400 * kb - 3) })],
  ['a partition key of 2,048 bytes', put(id('k'.repeat(2048))), put(id('k'.repeat(2049)))],
  ['a sort key of 1,024 bytes', put({ sort: text(1024) }, 'sorted'), put({ sort: text(1025) }, 'sorted')],
  ['a key that is not empty', put(id('k')), put(id(''))],
  ['an expression of 4 KB', conditional(expression(4096)), conditional(expression(4097))],
  ['100 actions', puts(100, 1), puts(101, 1)],
  ['4 MB in one transaction', puts(10, 400 * kb - 100), puts(11, 400 * kb - 100)],
  ['38 digits', number(`${'9'.repeat(38)}00`), number('9'.repeat(39))],
  ['numbers below 1E+126', number('9.99E+125'), number('1E+126')],
  ['numbers from 1E-130', number('1E-130'), number('9E-131')],
  ['sets that are not empty', put({ v: { SS: ['a'] } }), put({ v: { SS: [] } })],
  ['text in UTF-8', put({ v: { S: '\u{1F600}' } }), put({ v: { S: '\uD83D' } })],
])('DynamoDB takes %s, and not more', (_, fits, tooMuch) => {
  expect(() => dynamo().start(fits).finish()).not.toThrow();
  expect(() => dynamo().start(tooMuch).finish()).toThrow(
    refusal({ name: expect.stringMatching(/^(Validation|Serialization)Exception$/) }),
  );
});

test('an update that makes an item too big is refused, in a transaction with the reason', () => {
  const engine = dynamo();
  engine.start(put({ a: text(300 * kb) })).finish();
  const Update = {
    TableName,
    Key: id(),
    UpdateExpression: 'SET b = :b',
    ExpressionAttributeValues: { ':b': text(101 * kb) },
  };
  expect(() => engine.start(new UpdateItemCommand(Update)).finish()).toThrow('Item size to update');
  expect(() => engine.start(new TransactWriteItemsCommand({ TransactItems: [{ Update }] }))).toThrow(
    refusal({ CancellationReasons: [expect.objectContaining({ Code: 'ValidationError' })] }),
  );
});

test.each([
  ['a name', { ExpressionAttributeNames: { '#a': 'a', '#b': 'b' } }],
  ['a value', { ExpressionAttributeNames: { '#a': 'a' }, ExpressionAttributeValues: { ':b': { N: '1' } } }],
])('%s that no expression uses is refused', (_, given) => {
  const command = new GetItemCommand({ TableName, Key: id(), ProjectionExpression: '#a', ...given });
  expect(() => dynamo().start(command)).toThrow('unused in expressions');
});

test('keys and writes that are left out stay unprocessed; where all are it throws', () => {
  let left: string[] = ['b'];
  const engine = dynamo({
    leavesOut: (_, one) => left.some((name) => JSON.stringify(one).includes(`"${name}"`)),
  });
  const writes = ['a', 'b'].map((name) => ({ PutRequest: { Item: id(name) } }));
  const write = new BatchWriteItemCommand({ RequestItems: { [TableName]: writes } });
  expect(engine.start(write).finish()).toEqual({ UnprocessedItems: { [TableName]: [writes[1]] } });
  expect(engine.tables.get(TableName).items).toEqual([id('a')]);

  left = ['a'];
  const Keys = [id('a'), id('c')];
  const read = new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } });
  expect(engine.start(read).finish()).toEqual({
    Responses: { [TableName]: [] },
    UnprocessedKeys: { [TableName]: { Keys: [id('a')] } },
  });
  left = ['a', 'c'];
  expect(() => engine.start(read).finish()).toThrow(
    refusal({ name: 'ProvisionedThroughputExceededException' }),
  );
});

test('throttled requests do nothing and say so in the words of their kind', () => {
  const engine = dynamo({ throttles: () => 'ThrottlingException' });
  for (const command of [put({}), new GetItemCommand({ TableName, Key: id() })])
    expect(() => engine.start(command)).toThrow(refusal({ name: 'ThrottlingException' }));
  expect(() => engine.start(puts(2, 1))).toThrow(
    refusal({
      CancellationReasons: [expect.objectContaining({ Code: 'ThrottlingError' }), { Code: 'None' }],
    }),
  );
  expect(engine.tables.get(TableName).items).toEqual([]);
});

test('a query pages through an index in the order of its sort key, a megabyte at a time', () => {
  const engine = dynamo();
  for (const name of ['c', 'a', 'b'])
    engine.start(put({ ...id(name), kind: { S: 'k' }, at: { S: name }, v: text(390 * kb) })).finish();
  engine.start(put({ ...id('d'), at: { S: 'd' } })).finish();
  const query = {
    TableName,
    IndexName: 'byKind',
    KeyConditionExpression: 'kind = :k',
    ExpressionAttributeValues: { ':k': { S: 'k' } },
  };
  const first = engine.start(new QueryCommand(query)).finish() as {
    Items: unknown[];
    LastEvaluatedKey: never;
  };
  const rest = engine
    .start(new QueryCommand({ ...query, ExclusiveStartKey: first.LastEvaluatedKey }))
    .finish();
  expect(first.Items).toMatchObject([id('a'), id('b')]);
  expect(first.LastEvaluatedKey).toEqual({ ...id('b'), kind: { S: 'k' }, at: { S: 'b' } });
  expect(rest).toMatchObject({ Items: [id('c')], Count: 1 });
});

const message = { MessageBody: 'b', MessageGroupId: 'g', MessageDeduplicationId: 'd' };
const attribute = (StringValue: string) => ({ DataType: 'String', StringValue });
const attributes = (count: number) => ({
  MessageAttributes: Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i}`, attribute('v')])),
});
const entries = (count: number, body = 'b') => ({
  Entries: Array.from({ length: count }, (_, i) => ({ ...message, Id: String(i), MessageBody: body })),
});
const [send, batch] = ['SendMessageCommand', 'SendMessageBatchCommand'];
const half = 'x'.repeat(maxMessageBytes / 2);
const named = (name: string) => ({ MessageAttributes: { [name]: attribute('v') } });

test.each<[string, string, object, object, string]>([
  ['1 MiB', send, { MessageBody: half + half }, { MessageBody: `${half}${half}x` }, 'InvalidParameterValue'],
  [
    '1 MiB with name, type and value of its attributes',
    send,
    { MessageBody: half, MessageAttributes: { n: attribute('x'.repeat(maxMessageBytes / 2 - 7)) } },
    { MessageBody: half, MessageAttributes: { n: attribute('x'.repeat(maxMessageBytes / 2 - 6)) } },
    'InvalidParameterValue',
  ],
  ['a body', send, {}, { MessageBody: '' }, 'MissingParameter'],
  [
    'XML characters in the body',
    send,
    { MessageBody: '\t\r\n\u{10FFFF}' },
    { MessageBody: '\u0001' },
    'InvalidMessageContents',
  ],
  [
    'no lone surrogates',
    send,
    { MessageBody: '\u{1F600}' },
    { MessageBody: '\uDE00' },
    'InvalidMessageContents',
  ],
  [
    'XML characters in attributes',
    send,
    { MessageAttributes: { a: attribute('é') } },
    { MessageAttributes: { a: attribute('\uFFFE') } },
    'InvalidMessageContents',
  ],
  ['10 attributes', send, attributes(10), attributes(11), 'InvalidParameterValue'],
  ['attributes with a value', send, {}, { MessageAttributes: { a: attribute('') } }, 'InvalidParameterValue'],
  ['names without AWS. in front', send, named('aws-a.b'), named('Aws.a'), 'InvalidParameterValue'],
  [
    'group ids of 128',
    send,
    { MessageGroupId: '~'.repeat(128) },
    { MessageGroupId: '~'.repeat(129) },
    'InvalidParameterValue',
  ],
  [
    'group ids without blanks',
    send,
    { MessageGroupId: 'a!b' },
    { MessageGroupId: 'a b' },
    'InvalidParameterValue',
  ],
  ['batches of 10', batch, entries(10), entries(11), 'TooManyEntriesInBatchRequest'],
  ['batches of 1 MiB', batch, entries(2, half), entries(3, half), 'BatchRequestTooLong'],
  [
    'a visibility of 12 hours',
    'ChangeMessageVisibilityCommand',
    { VisibilityTimeout: 43_200 },
    { VisibilityTimeout: 43_201 },
    'InvalidParameterValue',
  ],
])('SQS takes %s, and not more', (_, command, fits, tooMuch, name) => {
  const queue = { QueueUrl: 'q.fifo', ...message };
  expect(() => assertSqsRequest(command, { ...queue, ...fits })).not.toThrow();
  expect(() => assertSqsRequest(command, { ...queue, ...tooMuch })).toThrow(refusal({ name }));
});
