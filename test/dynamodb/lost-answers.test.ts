import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startFaultProxy, type FaultProxy } from '../../drive/faults/fault-proxy.js';
import { DynamoStore, type Table, type Transaction } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { limits, unit } from '../fixtures/units.js';

const direct = dynamo();
let receipts: Table;
let counters: Table;
let proxy: FaultProxy;
/** How many answers to commits the proxy still loses. */
let toLose = 0;
const clients: DynamoDBClient[] = [direct];

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(direct, 'id'), newTable(direct, 'name')]);
  proxy = await startFaultProxy({
    upstream: embedded().endpoint,
    decide: ({ headers }) => {
      if (headers['x-amz-target'] !== 'DynamoDB_20120810.TransactWriteItems' || toLose === 0) return 'none';
      toLose -= 1;
      return 'answer';
    },
  });
});
afterAll(async () => {
  for (const client of clients) client.destroy();
  await proxy.stop();
});

/**
 * @param memory whether DynamoDB knows the request again. It does by its token for 10 minutes, and not after that.
 */
function store(memory: 'remembers' | 'forgot', maxAttempts = 3): DynamoStore {
  const client = dynamo({ endpoint: proxy.url, maxAttempts });
  clients.push(client);
  if (memory === 'forgot')
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body?: unknown };
        if (typeof request.body === 'string')
          request.body = request.body.replace(/("ClientRequestToken":")[^"]*/, `$1${randomUUID()}`);
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low' },
    );
  return new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 60 });
}

const value = async (name: string) => (await row(direct, counters, { name }))?.value;

/** Holds before the first write and not after it: sent again, the write meets what it did itself. */
const once = (name: string) => (tx: Transaction) => {
  const condition = { expression: 'attribute_not_exists(#v)', names: { '#v': 'value' } };
  tx.update(counters, { name }, { add: { value: 1 }, condition });
};
const count = (name: string) => (tx: Transaction) => {
  tx.update(counters, { name }, { add: { value: 1 } });
};

describe.each(['remembers', 'forgot'] as const)(
  'R12: the answer is lost, the SDK sends again, DynamoDB %s',
  (memory) => {
    test('and the message is processed, not a duplicate, and acts once', async () => {
      const name = `plain-${memory}`;
      toLose = 1;
      const message = unit(name, count(name));
      expect((await store(memory).commit([message], limits())).get(message)).toEqual({ kind: 'processed' });
      expect(toLose).toBe(0);
      expect(await value(name)).toBe(1);
    });

    test('also when its own write has made its condition false', async () => {
      const name = `own-${memory}`;
      toLose = 2;
      const message = unit(name, once(name));
      expect((await store(memory).commit([message], limits())).get(message)).toEqual({ kind: 'processed' });
      expect(toLose).toBe(0);
      expect(await value(name)).toBe(1);
    });

    test('also for a whole pack', async () => {
      const name = `pack-${memory}`;
      toLose = 1;
      const pack = ['a', 'b', 'c'].map((id) => unit(`${name}-${id}`, count(name)));
      const outcomes = await store(memory).commit(pack, limits());
      expect(pack.map((message) => outcomes.get(message)?.kind)).toEqual([
        'processed',
        'processed',
        'processed',
      ]);
      expect(await value(name)).toBe(3);
    });
  },
);

test('an outcome that stays unknown acknowledges nothing, and the next delivery finds the receipt', async () => {
  toLose = 1;
  const impatient = store('remembers', 1);
  const message = () => unit('unknown', count('unknown'));
  const first = message();
  expect((await impatient.commit([first], limits())).get(first)?.kind).toBe('retry');
  const second = message();
  expect((await impatient.commit([second], limits())).get(second)?.kind).toBe('duplicate');
  expect(await value('unknown')).toBe(1);
});
