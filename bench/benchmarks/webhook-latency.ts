import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  webhookIntake,
  WebhookRegistry,
  webhookWorker,
  type WebhookSenderSettings,
} from '../../runtime/webhook/sender/index.js';
import type { Benchmark } from '../benchmark.js';
import { clientOf } from '../engine.js';
import { quantile, rowsOf, type Sample } from '../row.js';
import { eventMessage, messageOf } from '../webhook-message.js';
import { arrivalServer, newTableOf } from '../webhook-world.js';

/** Of two tenants, because one has at most 40. */
const endpoints = 50;
const hanging = 5;
const tenants = ['acme', 'globex'];
const eventMs = 500;
const local = { allowHttp: true, allowedRanges: ['127.0.0.0/8'] };
/** The shortest run of a worker that its construct takes: its end is among what is measured. */
const invocationMs = 60_000;
const events = 140;

export const webhookLatency: Benchmark = {
  name: 'webhook-latency',
  about: `from the commit of an event to its arrival, ${events} events, one every ${eventMs} ms, each to half of ${endpoints} endpoints, by runs of a worker of ${invocationMs / 1000} s: ${hanging} endpoints hang 15 s (ours), or all answer (peer)`,
  notMeasured: [
    'the relay and the queues before the sender',
    'AWS, where the next run of a worker has to be woken; here it begins when the one before it has ended',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const client = clientOf(engine);
      const without = await latencies(client, 0);
      const beside = await latencies(client, hanging);
      client.destroy();
      samples.push(
        [0.5, 0.95, 0.99].flatMap((share) => {
          const [ours, peer] = [quantile(beside, share), quantile(without, share)];
          const name = `p${share * 100} of those that answer`;
          return [
            { measure: 'latency', case: name, ours, peer, unit: 'ms' },
            {
              measure: 'latency beside hanging ones, against none',
              case: name,
              ours: ours / peer,
              peer: null,
              unit: 'x',
            },
          ];
        }),
      );
      log(`webhook-latency: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'no endpoint hangs') };
  },
};

/** Milliseconds from commit to arrival, at endpoints that answer. All of it arrives, however late. */
async function latencies(dynamodb: DynamoDBClient, hang: number): Promise<number[]> {
  const [table, dedupTable] = await Promise.all([
    newTableOf(dynamodb, 'webhooks'),
    newTableOf(dynamodb, 'receipts'),
  ]);
  const settings = { senderName: 'hooks', table, dedupTable, shards: 2, retentionSeconds: 30 * 86_400 };
  const server = await arrivalServer((path) => hang > 0 && path.startsWith('/hanging'));
  const registry = new WebhookRegistry({ settings, dynamodb, ...local });
  for (let i = 0; i < endpoints; i += 1)
    await registry.create(tenants[i % tenants.length] ?? '', {
      url: `${server.url}${i < hanging ? 'hanging' : 'taking'}/${i}`,
    });
  const [committed, worker] = [new Map<number, number>(), workerOf(dynamodb, settings)];
  const committing = commitEvents(dynamodb, settings, committed);
  const taken = () => server.arrivals.filter(({ path }) => path.startsWith('/taking'));
  // Half of the endpoints are of each tenant; those that hang are counted with neither.
  while (taken().length < (events * (endpoints - hanging)) / tenants.length) await worker();
  await committing;
  server.close();
  return taken().map(({ n, at }) => at - (committed.get(n) ?? at));
}

/** Lets the intake take an event every so often. */
async function commitEvents(
  dynamodb: DynamoDBClient,
  settings: WebhookSenderSettings,
  committed: Map<number, number>,
): Promise<void> {
  const { senderName, dedupTable = '' } = settings;
  let n = 0;
  const intake = webhookIntake({
    ...{ settings, dynamodb, tenantOf: () => tenants[n % tenants.length] },
    consumer: {
      ...{ consumerName: senderName, dedupTable, receiptRetentionSeconds: 86_400 },
      deadLetterQueueUrl: 'http://none.invalid',
    },
    observe: () => undefined,
  });
  for (; n < events; n += 1) {
    const began = performance.now();
    const left = { getRemainingTimeInMillis: () => 30_000 };
    const { batchItemFailures } = await intake({ Records: [eventMessage(n, 'paid', { n })] }, left);
    if (batchItemFailures.length > 0) throw new Error('the intake has not taken an event');
    committed.set(n, performance.now());
    await sleep(Math.max(0, eventMs - (performance.now() - began)));
  }
}

/** A worker as Lambda runs it: each call has the time of one run. */
function workerOf(dynamodb: DynamoDBClient, settings: WebhookSenderSettings): () => Promise<unknown> {
  const worker = webhookWorker({ settings, dynamodb, ...local, observe: () => undefined });
  return () => {
    const end = Date.now() + invocationMs;
    const left = { getRemainingTimeInMillis: () => end - Date.now() };
    return worker({ Records: [messageOf({ shards: 'all' })] }, left);
  };
}
