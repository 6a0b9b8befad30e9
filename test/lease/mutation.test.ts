import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { leaseConditions } from '../../runtime/dynamodb/conditions.js';
import type { Table } from '../../runtime/dynamodb/index.js';
import { leaseId } from '../../runtime/dedup/lease-store.js';
import { leases, type Effect } from '../../runtime/lease/index.js';
import { dynamo, newDedupTable } from '../fixtures/dynamo.js';

const client = dynamo();
let table: Table;

beforeAll(async () => {
  table = await newDedupTable(client);
});
afterAll(() => client.destroy());

const scope = () => ({ client, tableName: table.name, retentionSeconds: 3600, consumerName: 'mutant' });

function ownerOf(key: string) {
  return (aheadSeconds: number) =>
    leases({ now: () => Date.now() + aheadSeconds * 1000, observe: () => undefined })(scope())(
      key,
      () => 10_000,
    );
}
const later = 10 + 60 + 1;

/** What goes wrong in a life of a lease: nothing, or the promise that was broken. */
const lives: Record<string, () => Promise<string | undefined>> = {
  'two come at once': async () => {
    const acts = await together(ownerOf(randomUUID()), 0);
    return acts === 1 ? undefined : `${acts} owners at once`;
  },
  'two find it expired': async () => {
    const key = randomUUID();
    void ownerOf(key)(0)(
      'x',
      effect(() => new Promise(() => undefined)),
    );
    await sleep(100);
    const acts = await together(ownerOf(key), later);
    return acts === 1 ? undefined : `${acts} took one lease over`;
  },
  'two find a row of Powertools expired': async () => {
    const key = randomUUID();
    const row = {
      id: { S: leaseId('mutant', 'x', key) },
      status: { S: 'INPROGRESS' },
      in_progress_expiration: { N: String(Date.now()) },
      expiration: { N: '9999999999' },
    };
    await client.send(new PutItemCommand({ TableName: table.name, Item: row }));
    const acts = await together(ownerOf(key), later);
    return acts === 1 ? undefined : `${acts} took one lease over`;
  },
  'a zombie comes back': async () => {
    const owner = ownerOf(randomUUID());
    let letGo = (): void => undefined;
    const gate = new Promise<void>((resolve) => (letGo = resolve));
    const zombie = owner(0)(
      'x',
      effect(() => gate.then(() => 'zombie')),
    ).catch(() => undefined);
    await sleep(100);
    await owner(later)(
      'x',
      effect(() => 'successor'),
    );
    letGo();
    await zombie;
    const stands = await owner(0)(
      'x',
      effect(() => 'third'),
    );
    return stands === 'successor' ? undefined : `the outcome of the successor became that of the ${stands}`;
  },
};

/** Two owners who start at the same time: how many of them act. */
async function together(owner: ReturnType<typeof ownerOf>, aheadSeconds: number): Promise<number> {
  let acts = 0;
  const run = async () => {
    acts += 1;
    await sleep(300);
    return 'done';
  };
  await Promise.allSettled([1, 2].map(async () => owner(aheadSeconds)('x', effect(run))));
  return acts;
}

function effect(run: () => string | Promise<string>): Effect<null, string> {
  return { args: null, leaseSeconds: 10, onUnknown: { retry: { keyWindowSeconds: 1e6 } }, run };
}

async function violations(): Promise<string[]> {
  const found = await Promise.all(Object.values(lives).map(async (live) => live()));
  return found.filter((violation) => violation !== undefined);
}

test('nothing goes wrong with the conditions as they are', async () => {
  expect(await violations()).toEqual([]);
});

test.each(Object.keys(leaseConditions) as (keyof typeof leaseConditions)[])(
  'condition %s turned to true is noticed',
  async (id) => {
    const original = leaseConditions[id];
    leaseConditions[id] = `(${original}) OR NOT (${original})`;
    try {
      expect(await violations()).not.toEqual([]);
    } finally {
      leaseConditions[id] = original;
    }
  },
);
