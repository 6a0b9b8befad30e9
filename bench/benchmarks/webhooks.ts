import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { outbox } from '../../runtime/outbox/index.js';
import { hmac, fixedSecrets, stripe, webhookReceiver } from '../../runtime/webhook/index.js';
import { rangesOf } from '../../runtime/webhook/sender/guard/address.js';
import { webhookIntake, WebhookRegistry, webhookWorker } from '../../runtime/webhook/sender/index.js';
import { Poster } from '../../runtime/webhook/sender/post.js';
import type { Benchmark } from '../benchmark.js';
import { billed, type Bill } from '../bill.js';
import { clientOf } from '../engine.js';
import { rowsOf, type Sample } from '../row.js';
import { eventMessage, messageOf } from '../webhook-message.js';
import { newTableOf, takingServer } from '../webhook-world.js';

const deliveries = 500;
const endpoints = 10;
const atOnce = 100;
const local = { allowHttp: true, allowedRanges: ['127.0.0.0/8'] };
const context = { getRemainingTimeInMillis: () => 300_000 };

export const webhooks: Benchmark = {
  name: 'webhooks',
  about: `write units of a webhook that is sent and of one that is received; ${deliveries} deliveries to ${endpoints} endpoints of a server on this machine, against a loop of the same HTTP client that keeps no record: ${atOnce} at once`,
  notMeasured: [
    'the place of a delivery in the index of what is due, when it is taken in: 1 write unit',
    'AWS, the internet, and endpoints that take their time: the sender then waits for them, and not for its database',
    'what becomes of the loop when its process dies: it has forgotten everything',
  ],
  usesEngine: true,
  async run({ engine, runs, log }) {
    const samples: Sample[][] = [];
    for (let run = 0; run < runs; run += 1) {
      const client = clientOf(engine);
      const bill = billed(client);
      const sent = await sending(client, bill);
      samples.push([
        sample(
          'write units',
          'event taken by one endpoint: receipt, event, delivery',
          sent.intakeUnits,
          null,
          'WRU',
        ),
        sample('write units', 'delivery that is taken', sent.workerUnits, null, 'WRU'),
        sample('write units', 'event received and published', await receivedUnits(client, bill), null, 'WRU'),
        sample('deliveries/s', `${endpoints} endpoints`, sent.perSecond, await loopPerSecond(), '1/s'),
      ]);
      client.destroy();
      log(`webhooks: run ${run + 1} of ${runs}`);
    }
    return { rows: rowsOf(samples, 'loop of the same HTTP client') };
  },
};

function sample(measure: string, name: string, ours: number, peer: number | null, unit: string): Sample {
  return { measure, case: name, ours, peer, unit };
}

async function sending(dynamodb: DynamoDBClient, bill: Bill) {
  const [table, dedupTable] = await Promise.all([
    newTableOf(dynamodb, 'webhooks'),
    newTableOf(dynamodb, 'receipts'),
  ]);
  const settings = { senderName: 'hooks', table, dedupTable, shards: 4, retentionSeconds: 30 * 86_400 };
  const server = await takingServer();
  const registry = new WebhookRegistry({ settings, dynamodb, ...local });
  for (let i = 0; i < endpoints; i += 1)
    await registry.create('acme', { url: server.url, types: [`type-${i}`] });
  const intake = webhookIntake({
    ...{ settings, dynamodb, tenantOf: () => 'acme' },
    consumer: {
      ...{ consumerName: 'hooks', dedupTable, receiptRetentionSeconds: 86_400 },
      deadLetterQueueUrl: 'http://none.invalid',
    },
    observe: () => undefined,
  });
  const before = bill.writeUnits;
  for (let i = 0; i < deliveries; i += 10)
    await intake({ Records: Array.from({ length: 10 }, (_, n) => eventOf(i + n)) }, context);
  const takenIn = bill.writeUnits;
  const worker = webhookWorker({
    ...{ settings, dynamodb, ...local, maxInFlight: atOnce, lingerMs: 0 },
    observe: () => undefined,
  });
  const began = performance.now();
  await worker({ Records: [messageOf({ shards: 'all' })] }, context);
  const seconds = (performance.now() - began) / 1000;
  const taken = server.taken();
  server.close();
  if (taken !== deliveries) throw new Error(`${taken} of ${deliveries} deliveries were taken`);
  return {
    intakeUnits: (takenIn - before) / deliveries,
    workerUnits: (bill.writeUnits - takenIn) / deliveries,
    perSecond: deliveries / seconds,
  };
}

async function loopPerSecond(): Promise<number> {
  const server = await takingServer();
  const poster = new Poster(
    { allowHttp: true, allowed: rangesOf(local.allowedRanges) },
    { timeoutMs: 15_000, maxAnswerBytes: 1_000 },
  );
  const began = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < deliveries) {
      next += 1;
      await poster.post({ url: server.url, headers: {}, body: bodyOf(next) });
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  const seconds = (performance.now() - began) / 1000;
  poster.close();
  server.close();
  return deliveries / seconds;
}

async function receivedUnits(dynamodb: DynamoDBClient, bill: Bill): Promise<number> {
  const [receipts, table] = await Promise.all([
    newTableOf(dynamodb, 'receipts'),
    newTableOf(dynamodb, 'outbox'),
  ]);
  const secret = randomUUID();
  const receive = webhookReceiver({
    settings: { receiverName: 'hooks', dedupTable: receipts, windowSeconds: 60 * 86_400, secretIds: {} },
    sources: { shop: { scheme: stripe(), secrets: fixedSecrets(secret) } },
    outbox: outbox({ table, source: 'hooks', epoch: '1' }),
    dynamodb,
    observe: () => undefined,
  });
  const before = bill.writeUnits;
  const events = 20;
  for (let i = 0; i < events; i += 1) {
    const body = JSON.stringify({ id: `evt_${i}`, type: 'invoice.paid' });
    const time = Math.floor(Date.now() / 1000);
    const signature = Buffer.from(hmac('sha256', secret, `${time}.${body}`)).toString('hex');
    await receive(
      {
        ...{ method: 'POST', path: '/webhooks/shop', query: new URLSearchParams(), rawQuery: '' },
        headers: { 'content-type': 'application/json', 'stripe-signature': `t=${time},v1=${signature}` },
        ...{ body: Buffer.from(body), params: { source: 'shop' }, identity: {} },
      },
      { deadline: Date.now() + 20_000 },
    );
  }
  return (bill.writeUnits - before) / events;
}

const bodyOf = (n: number) => JSON.stringify({ n, text: 'x'.repeat(500) });
const eventOf = (n: number) => eventMessage(n, `type-${n % endpoints}`, { n, text: 'x'.repeat(500) });
