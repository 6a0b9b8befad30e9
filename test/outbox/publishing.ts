import { randomUUID } from 'node:crypto';
import { ScanCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Transaction } from '../../runtime/dynamodb/index.js';
import { DynamoStore, type Table, type Unit } from '../../runtime/dynamodb/index.js';
import { outbox, type CloudEvent, type Outbox } from '../../runtime/outbox/index.js';
import { relayed } from '../../runtime/outbox/envelope.js';
import { readRow } from '../../runtime/outbox/event-row.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { limits } from '../fixtures/units.js';

export const client = dynamo();
export let receipts: Table;
export let accounts: Table;
export let events: Table;
export let payments: Outbox;
export let store: DynamoStore;
export const clients: DynamoDBClient[] = [client];

beforeAll(async () => {
  [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
});
beforeEach(async () => {
  events = await newTable(client, 'stream', 'version');
  payments = outbox({ table: events.name, source: 'payments', epoch: '1' });
  store = freshStore();
});
afterAll(() => {
  for (const one of clients) one.destroy();
});

/** One that remembers no versions. */
export function freshStore(options: Parameters<typeof dynamo>[0] = {}): DynamoStore {
  const own = dynamo(options);
  clients.push(own);
  return new DynamoStore({ client: own, tableName: receipts.name, retentionSeconds: 3600 });
}

/** What is in the outbox, in the order of aggregates and versions. */
export async function stored(): Promise<Record<string, unknown>[]> {
  const { Items = [] } = await client.send(new ScanCommand({ TableName: events.name, ConsistentRead: true }));
  const place = ({ stream, version }: Record<string, unknown>) => `${String(stream)} ${String(version)}`;
  return Items.map((item) => unmarshall(item)).sort((a, b) => (place(a) < place(b) ? -1 : 1));
}
export const envelopes = async () =>
  (await stored())
    .filter(({ data }) => data !== undefined)
    .map((item) => JSON.parse(relayed(readRow(marshall(item))).event) as CloudEvent<unknown>);
export const versions = async () =>
  (await envelopes()).map(({ aggregate, version }) => `${aggregate} ${version}`);
export const account = async (name: string) => row(client, accounts, { name });
export const upTo = (name: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${name} ${i + 1}`);

export const publish = (tx: Transaction, name: string, data: unknown = {}) =>
  tx.publish(payments, { aggregate: { table: accounts, key: { name } }, type: 'Settled', data });
/** An unkeyed effect on the aggregate itself, and an event. */
export const settle = (name: string) => (tx: Transaction) => {
  tx.update(accounts, { name }, { add: { count: 1 } });
  publish(tx, name);
};
export const outcomeOf = async (one: Unit, by = store) => {
  const given = limits();
  const outcome = (await by.commit([one], given)).get(one);
  return { kind: outcome?.kind, error: undefined, ...outcome, meter: given.meter };
};
/** With a short name of its stream 900 bytes, and what it is called by them. */
export const event900 = (key: string) => ({
  aggregate: { table: accounts, key: { name: key }, name: key.slice(0, 8), kind: 'a' },
  type: 'Settled',
  data: 'x'.repeat(868),
});
/** From now on half an hour later by this clock. */
export const later = (clock: { now(): number }, method: 'now') => {
  const now = clock.now.bind(clock);
  jest.spyOn(clock, method).mockImplementation(() => now() + 30 * 60_000);
};
export const name = (what: string) => `${what}-${randomUUID().slice(0, 8)}`;
