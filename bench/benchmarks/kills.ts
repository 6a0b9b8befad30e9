import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import type { Benchmark, BenchmarkContext } from '../benchmark.js';
import { bundleInto } from '../bundle.js';
import { drawFrom } from '../conflicts.js';
import { powertoolsName } from '../contenders/powertools.js';
import { deliverUntilDone } from '../delivery.js';
import { clientOf } from '../engine.js';
import { batchSize, contenders, fielded, freshBatch, invocationMs } from '../faults/case.js';
import { run, type Death } from '../faults/kill.js';
import type { Order } from '../faults/victim.js';
import { wrongRows } from '../faults/wrong.js';
import { redelivered } from '../message.js';
import { effectsOn, newTables, type Tables } from '../tables.js';

export const kills: Benchmark = {
  name: 'kills',
  about:
    'a process that handles one batch of ten dies by SIGKILL, half of them at a random step and half at a random moment; the batch comes again; every message must have acted once, counted by no key',
  notMeasured: [
    'the insert way: its effect is a keyed row, which cannot show a double',
    'kills before the handler has begun and after it has answered, which hurt neither side',
  ],
  usesEngine: true,
  async run(context) {
    const folder = await mkdtemp(join(tmpdir(), 'exactly-once-bench-'));
    try {
      const victim = bundleInto(folder, { code: `import './bench/faults/victim.js';` });
      const wrong = new Map<string, number>();
      const details: string[] = [];
      for (const { id, contender, queue } of fielded()) {
        const client = clientOf(context.engine);
        const tables = await newTables(client);
        const order = (records: SQSRecord[]): Order => ({
          contender,
          client: context.engine.client,
          tables,
          records,
        });
        const victims = await killAll(context, victim, () => freshBatch(queue), order);
        // The peer's claims run out, as they have when a queue delivers again.
        await sleep(invocationMs);
        const handler = contenders[contender](client, tables);
        for (const { records } of victims) await deliverUntilDone(handler, records.map(redelivered));
        wrong.set(id, await countWrong(client, tables, victims));
        client.destroy();
        details.push(`${id} died ${histogram(victims)}`);
        context.log(`kills: ${id}: ${wrong.get(id) ?? NaN} of ${victims.length} wrong`);
      }
      const rows = wrongRows(`runs left wrong of ${context.faults} by SIGKILL`, wrong, powertoolsName);
      return { rows, details };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

interface Victim {
  readonly account: string;
  readonly records: SQSRecord[];
  readonly death: Death;
}

async function killAll(
  { faults, log }: BenchmarkContext,
  victim: string,
  batch: () => { account: string; records: SQSRecord[] },
  order: (records: SQSRecord[]) => Order,
): Promise<Victim[]> {
  const draw = drawFrom(faults);
  const { instants, ms } = await undisturbed(victim, () => order(batch().records));
  const victims: Victim[] = [];
  for (let tries = 0; victims.length < faults; tries += 1) {
    if (tries > 3 * faults) throw new Error(`only ${victims.length} of ${tries} victims died in their batch`);
    const { account, records } = batch();
    const death =
      victims.length % 2 === 0
        ? await run(victim, { ...order(records), dieAt: spread(victims.length / 2, instants) })
        : await run(victim, order(records), draw() * ms);
    // Who lived to the end of the batch was not killed in it.
    if (death.at !== undefined) victims.push({ account, records, death });
    if (victims.length % 50 === 0 && death.at !== undefined) log(`kills: ${victims.length} of ${faults}`);
  }
  return victims;
}

/** Steps by the golden ratio: however many kills there are, the steps are hit about equally often. */
function spread(kill: number, instants: number): number {
  return Math.floor(((kill * 0.618033988749895) % 1) * instants);
}

/** What a batch that nobody disturbs goes through. The first ones meet a cold engine and take longer. */
async function undisturbed(victim: string, order: () => Order): Promise<{ instants: number; ms: number }> {
  const lives = [];
  for (let life = 0; life < 5; life += 1) {
    const { done } = await run(victim, order());
    if (done === undefined) throw new Error('a victim died that nobody killed');
    lives.push(done);
  }
  return {
    instants: Math.min(...lives.map(({ instants }) => instants.length)),
    ms: Math.min(...lives.map(({ ms }) => ms)),
  };
}

async function countWrong(
  client: DynamoDBClient,
  tables: Tables,
  victims: readonly Victim[],
): Promise<number> {
  let wrong = 0;
  for (const { account } of victims) if ((await effectsOn(client, tables, account)) !== batchSize) wrong += 1;
  return wrong;
}

function histogram(victims: readonly Victim[]): string {
  const counts = Map.groupBy(victims, ({ death }) => death.at ?? 'never');
  return [...counts].map(([at, all]) => `${at} (${all.length})`).join(', ');
}
