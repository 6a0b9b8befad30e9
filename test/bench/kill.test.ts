import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bundleInto } from '../../bench/bundle.js';
import { deliverUntilDone } from '../../bench/delivery.js';
import { contenders, freshBatch, invocationMs, type ContenderName } from '../../bench/faults/case.js';
import { run } from '../../bench/faults/kill.js';
import { redelivered } from '../../bench/message.js';
import { effectsOn, newTables, type Tables } from '../../bench/tables.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';

const client = dynamo();
let tables: Tables;
let folder: string;
let victim: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'exactly-once-bench-test-'));
  victim = bundleInto(folder, { code: `import './bench/faults/victim.js';` });
  tables = await newTables(client);
});
afterAll(async () => {
  client.destroy();
  await rm(folder, { recursive: true, force: true });
});

/** Kills a victim at the first instant of this name, delivers again, and counts the effects of ten messages. */
async function effectsAfterDeath(contender: ContenderName, instant: string): Promise<number> {
  const order = (records: ReturnType<typeof freshBatch>['records']) => ({
    contender,
    client: embedded().client,
    tables,
    records,
  });
  // The first batch in the life of a consumer writes one row more.
  await run(victim, order(freshBatch('FIFO').records));
  const { done } = await run(victim, order(freshBatch('FIFO').records));
  const dieAt = done?.instants.indexOf(instant) ?? -1;
  const { account, records } = freshBatch('FIFO');
  expect(await run(victim, { ...order(records), dieAt })).toMatchObject({ at: instant });
  // The peer's claim runs out, as it has when a queue delivers again. Ours makes none.
  if (contender === 'powertoolsFifo') await sleep(invocationMs);
  await deliverUntilDone(contenders[contender](client, tables), records.map(redelivered));
  return effectsOn(client, tables, account);
}

test('the count sees a double: the peer dies between its effect and its record', async () => {
  expect(await effectsAfterDeath('powertoolsFifo', 'after UpdateItemCommand')).toBe(11);
});

test('ours dies at the same place and every message has acted once', async () => {
  expect(await effectsAfterDeath('transaction', 'after TransactWriteItemsCommand')).toBe(10);
  expect(await effectsAfterDeath('aggregate', 'after UpdateItemCommand')).toBe(10);
});
