import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startFaultProxy, type FaultProxy } from '../../drive/faults/fault-proxy.js';
import { historyConditions } from '../../runtime/dynamodb/conditions.js';
import { DynamoFailureStore } from '../../runtime/dynamodb/failure-store.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { limits } from '../fixtures/units.js';

const direct = dynamo();
const clients: DynamoDBClient[] = [direct];
let receipts: Table;
let proxy: FaultProxy;
/** How many answers to updates the proxy still loses. */
let toLose = 0;

beforeAll(async () => {
  receipts = await newDedupTable(direct);
  proxy = await startFaultProxy({
    upstream: embedded().endpoint,
    decide: ({ headers }) => {
      if (headers['x-amz-target'] !== 'DynamoDB_20120810.UpdateItem' || toLose === 0) return 'none';
      toLose -= 1;
      return 'answer';
    },
  });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await proxy.stop();
});

/** Starts a message alone, twice, and loses two answers to the second. @returns how many starts are written down. */
async function started(message: string, maxAttempts: number): Promise<number | undefined> {
  const client = dynamo({ endpoint: proxy.url, maxAttempts });
  clients.push(client);
  const store = new DynamoFailureStore(client, receipts.name, 'tester');
  await store.start([message], limits());
  toLose = 2;
  await store.start([message], limits());
  expect(toLose).toBe(0);
  const { histories } = await store.recall([message], [], limits());
  return histories.get(message)?.alone;
}

describe.each([
  ['the SDK', 3],
  ['the store', 1],
])('a start that %s sends again after a lost answer', (who, maxAttempts) => {
  test('R46: counts once', async () => {
    expect(await started(`${who} whole`, maxAttempts)).toBe(2);
  });

  test('with its condition turned to true, counts each time', async () => {
    const { startUncounted } = historyConditions;
    historyConditions.startUncounted = `(${startUncounted}) OR NOT (${startUncounted})`;
    try {
      expect(await started(`${who} turned`, maxAttempts)).toBe(4);
    } finally {
      historyConditions.startUncounted = startUncounted;
    }
  });
});
