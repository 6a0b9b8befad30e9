import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RenderedResponse } from '../../runtime/api/index.js';
import { leaseCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newDedupTable, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { doubled, startProvider, type Provider, type ProviderKind } from '../lease/provider.js';
import { chargesApi } from './charges.js';
import type { LeasedOrder } from './leased-victim.js';
import { limits, request, type Names } from './payments.js';

const client = dynamo();
const kinds: readonly ProviderKind[] = ['keys', 'look-up', 'nothing'];
/** Per provider, so that every point is hit as often as is asked for. */
const hits = Math.ceil(Number(process.env.CRASH_HITS ?? 5) / kinds.length);
const points: readonly CrashPoint[] = [...leaseCrashPoints, 'before-commit', 'after-commit'];
const histogram: Record<string, number> = {};
let victim: OwnProcess;
let names: Names;
let providers: Map<ProviderKind, Provider>;

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'leased-victim.ts'));
  const [receipts, accounts] = await Promise.all([newDedupTable(client), newTable(client, 'account')]);
  names = { receipts: receipts.name, accounts: accounts.name };
  providers = new Map(
    await Promise.all(kinds.map(async (kind) => [kind, await startProvider(kind)] as const)),
  );
});
afterAll(async () => {
  reportFigures('api with leases killed at', histogram);
  client.destroy();
  await Promise.all([...providers.values()].map((provider) => provider.close()));
  await victim.remove();
});

/** Under `block` the effect is not made again after its owner has died; every other death is recovered from. */
const blocks = (kind: ProviderKind, dieAt: CrashPoint) =>
  kind === 'nothing' && (dieAt === 'lease-claimed' || dieAt === 'effect-done');

test.each(points)(
  `killed at %s (${hits} times at each provider), then asked again: one charge, one payment, one answer`,
  async (dieAt) => {
    const orders: { kind: ProviderKind; order: LeasedOrder }[] = [];
    for (const kind of kinds)
      for (let hit = 0; hit < hits; hit += 1) {
        const charging = { kind, url: providers.get(kind)!.url };
        const [key, account] = [randomUUID(), randomUUID()];
        const order = { names, client: embedded().client, charging, key, account, dieAt };
        expect(await killed(order)).toBe('SIGKILL');
        histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
        orders.push({ kind, order });
      }
    await Promise.all(orders.map(async ({ kind, order }) => recover(kind, order)));
    for (const provider of providers.values()) expect(doubled(provider)).toEqual([]);
  },
  60_000 + 6_000 * hits,
);

async function recover(kind: ProviderKind, { charging, key, account, dieAt }: LeasedOrder): Promise<void> {
  const survivor = chargesApi(names, client, charging);
  const [first, second] = [await patiently(), await patiently()];
  const { acts, calls } = providers.get(kind)!;
  const acted = acts.filter((act) => act === account).length;
  const stored = await row(client, table({ name: names.accounts, partitionKey: 'account' }), { account });
  if (blocks(kind, dieAt)) {
    expect([first.status, second.status]).toEqual([500, 500]);
    expect(first.body).toContain('exactly-once-aws unlock');
    expect(acted).toBe(dieAt === 'effect-done' ? 1 : 0);
    expect(stored).toBeUndefined();
    return;
  }
  expect(first.status).toBe(201);
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect(acted).toBe(1);
  expect(stored).toMatchObject({ payments: 1, balance: -5 });
  const mine = calls.filter((call) => call.order === account);
  // The same key and the same arguments in every try, whatever the handler gave in the later one.
  expect(new Set(mine.map((call) => call.key)).size).toBe(1);
  expect(new Set(mine.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  // Else nothing of this was put to the test.
  expect(mine).toHaveLength(kind === 'keys' && dieAt === 'effect-done' ? 2 : 1);

  async function patiently(): Promise<RenderedResponse> {
    return ask(async () => survivor(request({ key, body: { account, cents: 5 } }), limits()));
  }
}

/** Asks as a client should: again after a 409, not before its Retry-After. */
async function ask(send: () => Promise<RenderedResponse>): Promise<RenderedResponse> {
  for (;;) {
    const answer = await send();
    if (answer.status !== 409) return answer;
    expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/);
    await sleep(Number(answer.headers['retry-after']) * 1000);
  }
}

/** The signal that ended the process. */
async function killed(order: LeasedOrder): Promise<string | null | undefined> {
  return (await victim.run(order)).signal;
}
