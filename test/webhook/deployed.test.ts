import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paginateScan } from '@aws-sdk/client-dynamodb';
import * as fc from 'fast-check';
import { table } from '../../runtime/dynamodb/index.js';
import { deployStack } from '../../targets/deploy.js';
import { startEmbedded, type EmbeddedTarget } from '../../targets/embedded/index.js';
import { dynamo, row } from '../fixtures/dynamo.js';
import { flipped, placesOf, signatureFlipped, type Delivery } from './delivery.js';
import type { SourceName } from './deployed/schemes.js';
import { deliveryOf, githubExamples } from './github-examples.js';
import { senders, type Sender } from './senders.js';

/** One of so many of GitHub's examples is delivered, and so many bits of each sender are changed. */
const everyExample = Number(process.env.WEBHOOK_EXAMPLES_EVERY ?? 10);
const flips = Number(process.env.WEBHOOK_FLIPS ?? 2);
const atOnce = 4;

const makers: Readonly<Record<Exclude<SourceName, 'github-examples'>, (() => Sender) | undefined>> = {
  standard: senders['Standard Webhooks (standardwebhooks)'],
  svix: senders['Svix (svix)'],
  ed25519: senders['Standard Webhooks, ed25519'],
  stripe: senders['Stripe (stripe), snapshot'],
  'stripe-thin': senders['Stripe (stripe), thin'],
  github: senders['GitHub'],
  shopify: senders['Shopify'],
  slack: senders['Slack'],
  zoom: senders['Zoom'],
  square: senders['Square'],
  'twilio-form': senders['Twilio (twilio), form'],
  'twilio-json': senders['Twilio (twilio), JSON'],
  adyen: senders['Adyen'],
  paypal: senders['PayPal'],
};
const played = Object.entries(makers).map(([source, make]) => ({
  source,
  sender: make!(),
  another: make!(),
}));
const examplesSecret = randomUUID();

jest.setTimeout(600_000);

// Of its own, as of every test that bootstraps an account.
let target: EmbeddedTarget;
let outputs: Readonly<Record<string, string>>;
let client: ReturnType<typeof dynamo>;
/** In place of PayPal's host, which shows what signatures are checked with. */
const certificates = createServer((_, response) => {
  response.end(played.find(({ source }) => source === 'paypal')?.sender.certificate);
});
beforeAll(async () => {
  await new Promise<void>((resolve) => {
    certificates.listen(0, '127.0.0.1', resolve);
  });
  const { port } = certificates.address() as AddressInfo;
  target = await startEmbedded();
  client = dynamo({ endpoint: target.endpoint });
  const secrets = {
    ...Object.fromEntries(played.map(({ source, sender }) => [source, sender.secret])),
    'github-examples': examplesSecret,
  };
  outputs = await deployStack(target, {
    app: `tsx ${join(__dirname, 'deployed', 'app.ts')}`,
    stack: 'WebhookReceivers',
    context: { secrets: JSON.stringify(secrets), certificates: `http://127.0.0.1:${port}` },
  });
});
afterAll(async () => {
  client.destroy();
  certificates.close();
  await target.stop();
});

/** The status of a delivery by HTTP. */
async function deliver(source: string, { headers, body, query = '' }: Delivery): Promise<number> {
  const url = `${target.httpUrl(outputs['Url'] ?? '')}/${source}${query && `?${query}`}`;
  const { status } = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
    signal: AbortSignal.timeout(30_000),
  });
  return status;
}

/** Delivers as senders do: one that finds another under way, or no function, comes again. */
async function untilTaken(source: string, make: () => Delivery | Promise<Delivery>): Promise<number> {
  for (let tries = 1; ; tries += 1) {
    const status = await deliver(source, await make());
    if ((status !== 409 && status < 500) || tries === 20) return status;
    await sleep(100);
  }
}

/** In any order, several at once. */
async function inAnyOrder<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = fc.sample(fc.shuffledSubarray([...all], { minLength: all.length }), 1)[0] ?? [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let one = left.pop(); one !== undefined; one = left.pop()) await work(one);
    }),
  );
}

const counts = () => table({ name: outputs['CountsTable'] ?? '', partitionKey: 'name' });
const acts = async (source: string, name: string) =>
  Number((await row(client, counts(), { name: `${source} ${name}` }))?.acts ?? 0);
const uniqueName = () => `n-${randomUUID()}`;

test('every sender, each delivery three times in any order, through the deployed receiver: acts once', async () => {
  const events = played.flatMap(({ source, sender }) =>
    [1, 2].map(() => ({ source, sender, name: uniqueName() })),
  );
  await inAnyOrder([...events, ...events, ...events], async ({ source, sender, name }) => {
    expect([source, await untilTaken(source, () => sender.deliver(name))]).toEqual([source, 200]);
  });
  for (const { source, name } of events) expect([source, await acts(source, name)]).toEqual([source, 1]);
});

test('a changed bit of body or signature, or the secret of somebody else: 401, and nothing acts', async () => {
  await inAnyOrder(played, async ({ source, sender, another }) => {
    const name = uniqueName();
    const delivery = await sender.deliver(name);
    const places =
      sender.signsFields === true ? fc.constantFrom(...placesOf(delivery, name)) : fc.nat(10_000);
    const refused = [
      ...fc.sample(places, flips).map((place) => flipped(delivery, place)),
      ...fc.sample(fc.nat(10_000), flips).map((place) => signatureFlipped(delivery, place)),
      await sender.deliver(name, { secret: another.secret }),
    ];
    for (const one of refused) expect([source, await deliver(source, one)]).toEqual([source, 401]);
    expect([source, await acts(source, name)]).toEqual([source, 0]);
  });
});

test('signed too long ago, or in the future: 400, and nothing acts', async () => {
  const timed = played.filter(({ sender }) => sender.timeless !== true);
  expect(timed.length).toBeGreaterThan(5);
  await inAnyOrder(timed, async ({ source, sender }) => {
    const name = uniqueName();
    for (const sign of [-1, 1]) {
      const at = new Date(Date.now() + sign * 400_000);
      expect([source, await deliver(source, await sender.deliver(name, { at }))]).toEqual([source, 400]);
    }
    expect([source, await acts(source, name)]).toEqual([source, 0]);
  });
});

test(`GitHub's payload examples (one of ${everyExample}), three times each in any order under new delivery ids: each acts once`, async () => {
  const examples = githubExamples(examplesSecret).filter((_, i) => i % everyExample === 0);
  await inAnyOrder([...examples, ...examples, ...examples], async (example) => {
    const status = await untilTaken('github-examples', () => deliveryOf(example));
    expect([example.event, status]).toEqual([example.event, 200]);
  });
  const distinct = new Set(examples.map(({ event, body }) => `${event} ${body}`)).size;
  const counted: number[] = [];
  for await (const { Items = [] } of paginateScan(
    { client },
    { TableName: counts().name, ConsistentRead: true },
  ))
    for (const { name, acts: times } of Items)
      if (name?.S?.startsWith('github-examples ') === true) counted.push(Number(times?.N));
  expect(counted).toEqual(Array<number>(distinct).fill(1));
});
