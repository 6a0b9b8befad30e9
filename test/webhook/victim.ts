import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { Pool } from 'pg';
import type { Api } from '../../runtime/api/index.js';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { outbox } from '../../runtime/outbox/index.js';
import { postgresOutbox } from '../../runtime/postgres/outbox/index.js';
import { fixedSecrets, stripe, webhookReceiver } from '../../runtime/webhook/index.js';
import { postgresWebhookReceiver } from '../../runtime/webhook/postgres/index.js';
import { countInPostgres } from './count-in-postgres.js';
import { nameOf } from './counting.js';
import { request } from './delivery.js';
import type { At, Order } from './victim-order.js';

const settings = { receiverName: 'hooks', windowSeconds: 60 * 24 * 3600, secretIds: {} };
const observe = () => undefined;

/** Publishes each event, and counts it under no key. */
export function receiverOf(at: At, secret: string): { readonly receive: Api; close(): Promise<void> } {
  const sources = { shop: { scheme: stripe(), secrets: fixedSecrets(secret) } };
  if ('url' in at) {
    const pool = new Pool({ connectionString: at.url });
    const events = postgresOutbox({ source: 'hooks' });
    const handle = countInPostgres;
    const receive = postgresWebhookReceiver({ settings, sources, outbox: events, handle, pool, observe });
    return { receive, close: async () => pool.end() };
  }
  const { receipts, counts, outbox: events } = at.names;
  const dynamodb = new DynamoDBClient(at.client);
  const counted = table({ name: counts, partitionKey: 'name' });
  const receive = webhookReceiver({
    settings: { ...settings, dedupTable: receipts },
    sources,
    outbox: outbox({ table: events, source: 'hooks', epoch: '1' }),
    handle: (event, tx) => tx.update(counted, { name: nameOf(event) }, { add: { acts: 1 } }),
    dynamodb,
    observe,
  });
  return { receive, close: () => Promise.resolve(dynamodb.destroy()) };
}

/** A process that takes one delivery and is killed at the given point, as by an out-of-memory killer. */
if (process.argv[2]?.startsWith('{') === true) {
  const { at, delivery, secret, dieAt } = JSON.parse(process.argv[2]) as Order;
  armCrashPoints((point) => {
    if (point === dieAt) process.kill(process.pid, 'SIGKILL');
  });
  void receiverOf(at, secret).receive(request(delivery), { deadline: Date.now() + 20_000 });
}
