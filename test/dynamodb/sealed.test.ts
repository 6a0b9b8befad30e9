import { ProvisionedThroughputExceededException } from '@aws-sdk/client-dynamodb';
import {
  commitHandlings,
  DependencyFailed,
  DynamoStore,
  Handling,
  RejectMessage,
  TransactionSealed,
  type Table,
  type Transaction,
} from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { limits } from '../fixtures/units.js';

const client = dynamo();
const throttled = dynamo();
let receipts: Table;
let counters: Table;
let store: DynamoStore;

beforeAll(async () => {
  [receipts, counters] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  store = new DynamoStore({ client, tableName: receipts.name, retentionSeconds: 3600 });
  throttled.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName === 'GetItemCommand')
          throw new ProvisionedThroughputExceededException({ message: 'hot partition', $metadata: {} });
        return next(args);
      },
    { step: 'initialize', name: 'throttled' },
  );
});
afterAll(() => {
  for (const one of [client, throttled]) one.destroy();
});

const handlingOf = (key: string, handle: (tx: Transaction) => unknown, by = store) =>
  new Handling(by, { receipt: { id: `tester#${key}`, fingerprint: key }, lane: key, handle });

describe('R55: when its handler has returned, a transaction is sealed', () => {
  test('every method throws', async () => {
    let kept: Transaction | undefined;
    await handlingOf('kept', (tx) => {
      kept = tx;
      tx.update(counters, { name: 'kept' }, { add: { value: 1 } });
    }).run(limits());
    const tx = kept;
    if (tx === undefined) throw new Error('the handler has not run');
    const condition = { expression: 'attribute_exists(#n)', names: { '#n': 'name' } };
    const calls: (() => unknown)[] = [
      () => tx.put(counters, { name: 'late' }),
      () => tx.insert(counters, { name: 'late' }),
      () => tx.update(counters, { name: 'late' }, { add: { value: 1 } }),
      () => tx.delete(counters, { name: 'late' }),
      () => tx.check(counters, { name: 'late' }, condition),
    ];
    for (const call of calls) expect(call).toThrow(TransactionSealed);
    await expect(tx.get(counters, { name: 'late' }, ['value'])).rejects.toThrow(TransactionSealed);
    expect(() =>
      tx.publish(
        {
          publication: () => {
            throw new Error('asked for a publication');
          },
        },
        {},
      ),
    ).toThrow(TransactionSealed);
  });

  test('one that has thrown is sealed as well', async () => {
    let kept: Transaction | undefined;
    const handling = handlingOf('thrown', (tx) => {
      kept = tx;
      throw new Error('no');
    });
    await expect(handling.run(limits())).rejects.toThrow('no');
    expect(() => kept?.put(counters, { name: 'late' })).toThrow(TransactionSealed);
  });

  test('a read that was not awaited fails the run, and what waits for it is never reached', async () => {
    let reached = false;
    const handling = handlingOf('unawaited', (tx) => {
      void tx.get(counters, { name: 'n' }, ['value']).then(() => {
        reached = true;
      });
    });
    await expect(handling.run(limits())).rejects.toMatchObject({
      name: 'TransactionSealed',
      fault: 'defect',
    });
    // Longer than the read takes.
    await row(client, counters, { name: 'n' });
    await row(client, counters, { name: 'n' });
    expect(reached).toBe(false);
  });
});

describe('R44: a read that fails is the dependency’s', () => {
  const faulty = () =>
    new DynamoStore({ client: throttled, tableName: receipts.name, retentionSeconds: 3600 });
  const read = async (tx: Transaction) => tx.get(counters, { name: 'hot' }, ['value']);

  test('also where the handler goes on without it', async () => {
    const handling = handlingOf(
      'swallowed',
      async (tx) => {
        await read(tx).catch(() => undefined);
        tx.put(counters, { name: 'swallowed' });
      },
      faulty(),
    );
    await expect(handling.run(limits())).rejects.toThrow(DependencyFailed);
  });

  test('also where the handler makes an error of its own of it', async () => {
    const handling = handlingOf(
      'wrapped',
      async (tx) => {
        await read(tx).catch((cause: unknown) => {
          throw new RejectMessage('cannot load', { cause });
        });
      },
      faulty(),
    );
    await expect(handling.run(limits())).rejects.toThrow(DependencyFailed);
  });

  test('also when it runs again in a commit', async () => {
    let runs = 0;
    const handling = handlingOf('again', async (tx) => {
      runs += 1;
      if (runs > 1) throw new DependencyFailed('not now');
      await read(tx);
      tx.put(counters, { name: 'again-decision' });
    });
    await handling.run(limits());
    const writer = handlingOf('writer', (tx) => tx.update(counters, { name: 'hot' }, { add: { value: 1 } }));
    await writer.run(limits());
    const outcomes = await commitHandlings(store, [writer, handling], limits());
    expect(outcomes.get(writer)?.kind).toBe('processed');
    expect(outcomes.get(handling)).toEqual({ kind: 'retry', error: expect.any(DependencyFailed) });
    expect(await row(client, counters, { name: 'again-decision' })).toBeUndefined();
  });
});
