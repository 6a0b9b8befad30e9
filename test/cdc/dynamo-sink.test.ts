import { DeleteItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { dynamoSink } from '../../runtime/cdc/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { FaultyDynamo } from '../contract/faulty-dynamo.js';
import { sinkFaultContract } from './fault-contract.js';
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
  refused: [
    ['that is too large', { id: 'w', v: 'x'.repeat(401 * 1024) }, 'RowTooLarge'],
    ['whose key is too large', { id: 'k'.repeat(2_049), v: 'x' }, 'RowRefused'],
    ['without its key', { id: null, v: 'x' }, 'SchemaChanged'],
    ['whose key has another type', { id: 7, v: 'x' }, 'RowRefused'],
  ],
  wider: { id: 'w', v: 'x', extra: 1 },
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
