import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBRecord } from 'aws-lambda';
import { outboxRelay, queueTarget, type RelayTarget } from '../../runtime/outbox/index.js';
import { newOutboxTable } from '../../test/fixtures/outbox-table.js';
import type { Benchmark } from '../benchmark.js';
import { clientOf, floorEngine, type Engine } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';
import { busyStream, recordsOf, writeAll } from '../busy-stream.js';

const events = 1_000;
const batchSize = 100;

export const relay: Benchmark = {
  name: 'relay',
  about: `${events} events of one busy aggregate, relayed in batches of ${batchSize} to a FIFO queue, against the same with one event a call`,
  notMeasured: [
    'the latency of AWS: the emulator’s calls cost the processor of this machine, most of it for marks; with latency the processor has nothing to do',
    'the table’s stream and Lambda’s polling of it',
    'a queue on DynamoDB Local, which has none: null',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const hasQueues = engine.name !== floorEngine;
      const ours = hasQueues ? await eventsPerSecond(engine, 10) : null;
      const peer = hasQueues ? await eventsPerSecond(engine, 1) : null;
      samples.push([
        { measure: 'events/s', case: 'one busy aggregate, FIFO', unit: '1/s', ours, peer },
        {
          ...{ measure: 'events/s', case: 'calls of 10 ms, marks of 5 ms', unit: '1/s' },
          ...{ ours: await withLatency(10), peer: await withLatency(1) },
        },
      ]);
      log(`relay: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'one event a call') };
  },
};

async function eventsPerSecond(engine: Engine, perCall: number): Promise<number> {
  const client = clientOf(engine);
  const sqs = new SQSClient({ ...engine.client, useQueueUrlAsEndpoint: false });
  const { QueueUrl: queueUrl = '' } = await sqs.send(
    new CreateQueueCommand({ QueueName: `bench-${randomUUID()}.fifo`, Attributes: { FifoQueue: 'true' } }),
  );
  const table = await newOutboxTable(client);
  await writeAll(client, table, busyStream(events));
  const speed = await relayed({
    table,
    dynamodb: client,
    target: queueTarget({ queueUrl, client: sqs }),
    perCall,
  });
  for (const one of [client, sqs]) one.destroy();
  return speed;
}

/** Clients that take their time and none of the processor's: what the relay makes of calls that are far away. */
async function withLatency(perCall: number): Promise<number> {
  const after = (ms: number, answer: object) => ({ send: () => sleep(ms, answer) });
  const client = after(10, { Failed: [] }) as unknown as SQSClient;
  return relayed({
    ...{ table: 'none', dynamodb: after(5, {}) as unknown as DynamoDBClient },
    ...{ target: queueTarget({ queueUrl: 'https://none/queue.fifo', client }), perCall },
  });
}

interface Relayed {
  readonly table: string;
  readonly dynamodb: DynamoDBClient;
  readonly target: RelayTarget;
  /** Events of one call. */
  readonly perCall: number;
}

/** Events per second. */
async function relayed({ table, dynamodb, target, perCall }: Relayed): Promise<number> {
  const send = outboxRelay({
    ...{ table, retentionSeconds: 3600, graceSeconds: 3600, dynamodb },
    targets: [{ ...target, ...(target.call && { call: { ...target.call, events: perCall } }) }],
    observe: () => undefined,
  });
  const records = recordsOf(busyStream(events));
  const batches: DynamoDBRecord[][] = [];
  for (let i = 0; i < records.length; i += batchSize) batches.push(records.slice(i, i + batchSize));
  const began = performance.now();
  for (const Records of batches) {
    const { batchItemFailures } = await send({ Records }, { getRemainingTimeInMillis: () => 30_000 });
    if (batchItemFailures.length > 0) throw new Error('the relay failed in a benchmark without faults');
  }
  return events / ((performance.now() - began) / 1000);
}
