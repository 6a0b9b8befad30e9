import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { debezium, dynamoSink, MemoryLog, runSink } from '../../runtime/cdc/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { FaultyDynamo } from '../contract/faulty-dynamo.js';
import { changeEvent, systemId } from './debezium-record.js';
import { sinkFaultContract, unavailable } from './fault-contract.js';
import { sinkContract, type Held, type OpenedSink } from './sink-contract.js';

const client = dynamo();
const faulty = new FaultyDynamo();
afterAll(() => {
  client.destroy();
  faulty.client.destroy();
});

sinkContract('the DynamoDB sink', open, {
  keeps: 'rows',
  refusedRow: { id: 'large', v: 'x'.repeat(401 * 1024) },
});

sinkFaultContract('the DynamoDB sink', open, {
  keepsRows: true,
  refused: [
    ['that is too large', { id: 'w', v: 'x'.repeat(401 * 1024) }, 'RowTooLarge'],
    ['whose key is too large', { id: 'k'.repeat(2_049), v: 'x' }, 'RowRefused'],
    ['without its key', { id: null, v: 'x' }, 'SchemaChanged'],
    ['whose key has another type', { id: 7, v: 'x' }, 'RowRefused'],
    ['under a new key, without its large value', { id: 'w', v: unavailable }, 'ValueMissing'],
  ],
  wider: { id: 'w', v: 'x', extra: 1 },
});

test('a deletion whose key DynamoDB has no value for is refused by name', async () => {
  const world = await open();
  const log = new MemoryLog();
  const [at] = log.create('shop.public.payments');
  log.append(at!, changeEvent({ op: 'd', before: { id: 1e300 } }));
  log.append(at!, changeEvent({ after: { id: 'r0', v: 'x' }, ordinal: 2 }));
  const letters: string[] = [];
  await runSink({
    source: log,
    sink: world.sink(),
    decode: debezium({ systemId }),
    stopAtEnd: true,
    deadLetters: { send: ({ error }) => Promise.resolve(void letters.push(error.name)) },
  });
  expect(letters).toEqual(['RowRefused']);
  expect((await world.held()).map(({ id }) => id)).toEqual(['r0']);
});

describe('an update beside a large value that stays as it was', () => {
  const topic = 'shop.public.payments';
  const run = async (...rows: readonly object[]) => {
    const world = await open();
    const log = new MemoryLog();
    const [at] = log.create(topic);
    for (const [i, after] of rows.entries())
      log.append(at!, changeEvent({ op: i === 0 ? 'c' : 'u', after, ordinal: i + 1 }));
    const options = { source: log, sink: world.sink(), decode: debezium({ systemId }), stopAtEnd: true };
    // Each in a batch of its own.
    const ended = runSink({ ...options, batch: { rows: 1 } });
    return {
      error: await ended.then(
        () => undefined,
        (error: unknown) => error,
      ),
      held: await world.held(),
    };
  };

  test('leaves it, also where it is all that the row has beside its key', async () => {
    const first = { id: 'a', v: 'large', n: 1 };
    expect(await run(first, { id: 'a', v: unavailable, n: 2 })).toEqual({
      error: undefined,
      held: [{ ...first, n: 2 }],
    });
    const only = { id: 'a', v: 'large' };
    expect(await run(only, { id: 'a', v: unavailable })).toEqual({ error: undefined, held: [only] });
  });

  test('makes no item without it where there is none', async () => {
    const { error, held } = await run({ id: 'a', v: 'large', n: 1 }, { id: 'b', v: unavailable, n: 2 });
    expect(error).toMatchObject({ name: 'RowRefused', offset: 1n });
    expect(held.map(({ id }) => id)).toEqual(['a']);
  });
});

async function open(): Promise<OpenedSink> {
  const [watermarks, payments] = await Promise.all([newTable(client, 'id'), newTable(client, 'id')]);
  const tables = { 'shop.public.payments': { tableName: payments.name, key: ['id'] } };
  const options = { name: 'model', watermarks: watermarks.name, tables };
  const items = async (TableName: string) =>
    ((await client.send(new ScanCommand({ TableName, ConsistentRead: true }))).Items ?? []).map((item) =>
      unmarshall(item),
    );
  return {
    topic: 'shop.public.payments',
    sink: ({ loseAnswers = 0 } = {}) => {
      faulty.lost = loseAnswers;
      return dynamoSink({ ...options, client: loseAnswers > 0 ? faulty.client : client });
    },
    unusable: () => dynamoSink({ ...options, watermarks: 'no-such-table', client }),
    held: async () => (await items(payments.name)) as Held[],
    clear: async () => {
      for (const { name } of [watermarks, payments])
        for (const { id } of await items(name))
          await client.send(new DeleteItemCommand({ TableName: name, Key: { id: { S: String(id) } } }));
    },
    close: () => Promise.resolve(),
  };
}
