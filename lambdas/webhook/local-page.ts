import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSRecord } from 'aws-lambda';
import { fixedSecrets } from '../../runtime/webhook/index.js';
import { webhookPage, webhookPageLink } from '../../runtime/webhook/page/index.js';
import { webhookIntake, WebhookRegistry, webhookWorker } from '../../runtime/webhook/sender/index.js';
import { required } from '../environment.js';
import { servePage } from './serve-page.js';

/**
 * A sender of webhooks with its page, on this machine: reads batches of messages, a JSON line each, gives them to its
 * endpoints, and sends. It says in JSON lines where its page is, and what its intake has suppressed. Ends with stdin.
 */
const tenant = 'shop';
const lookEveryMs = 500;
const settings = {
  ...{ senderName: 'subscribers', table: required('WEBHOOK_TABLE'), shards: 1, retentionSeconds: 86_400 },
  dedupTable: required('RECEIPTS_TABLE'),
};
const local = { settings, allowHttp: true, allowedRanges: ['127.0.0.0/8'] };
const context = { getRemainingTimeInMillis: () => 30_000 };
const say = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const intake = webhookIntake({
  settings,
  consumer: {
    consumerName: settings.senderName,
    dedupTable: settings.dedupTable,
    receiptRetentionSeconds: settings.retentionSeconds,
    deadLetterQueueUrl: 'http://none.invalid',
  },
  tenantOf: () => tenant,
  observe: ({ processed, duplicate }) => say({ taken: processed, suppressed: duplicate }),
});
const worker = webhookWorker({ ...local, lingerMs: 0, maxClockSkewSeconds: 0, observe: () => undefined });

async function register(): Promise<void> {
  const registry = new WebhookRegistry(local);
  const endpoints = JSON.parse(required('WEBHOOK_ENDPOINTS')) as { id: string; url: string }[];
  for (const { id, url } of endpoints) await registry.create(tenant, { url, schedule: [0, 1, 3] }, id);
}

async function serve(): Promise<void> {
  const secret = randomBytes(32).toString('hex');
  const home = { text: 'The run', url: required('HOME_URL') };
  const server = createServer(servePage(webhookPage({ ...local, secrets: fixedSecrets(secret), home })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  say({ link: webhookPageLink({ url, tenant, secret, lifetimeSeconds: 86_400 }) });
}

async function sending(): Promise<never> {
  const wake = { messageId: 'wake', body: JSON.stringify({ shards: 'all' }) } as SQSRecord;
  for (;;) {
    await worker({ Records: [wake] }, context);
    await sleep(lookEveryMs);
  }
}

async function taking(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin }))
    await intake({ Records: JSON.parse(line) as SQSRecord[] }, context);
}

async function main(): Promise<void> {
  await register();
  await serve();
  await Promise.race([sending(), taking()]);
}

void main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
