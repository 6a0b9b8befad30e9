import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { dynamo, newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { limits, paymentsApi, request, type Names } from './payments.js';
import type { Order } from './victim.js';

const client = dynamo();
const hits = Number(process.env.CRASH_HITS ?? 5);
let victim: OwnProcess;
let names: Names;

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
  const [receipts, accounts] = await Promise.all([newTable(client, 'id'), newTable(client, 'account')]);
  names = { receipts: receipts.name, accounts: accounts.name };
});
afterAll(async () => {
  client.destroy();
  await victim.remove();
});

/** The points on a request's way, in their order. After the commit the answer is lost, and the retry gets it. */
const points: [CrashPoint, answered: boolean][] = [
  ['batch-received', false],
  ['before-commit', false],
  ['after-commit', true],
  ['before-answer', true],
];
const histogram: Record<string, number> = {};

test.each(points)(
  `killed at %s (${hits} times), then asked again: one payment, one answer`,
  async (dieAt, answered) => {
    const survivor = paymentsApi(names, client);
    for (let hit = 0; hit < hits; hit += 1) {
      const [key, account] = [randomUUID(), randomUUID()];
      expect(await killed({ names, client: embedded().client, key, account, dieAt })).toBe('SIGKILL');
      histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
      const ask = async () => survivor(request({ key, body: { account, cents: 5 } }), limits());
      const [first, second] = [await ask(), await ask()];
      expect('idempotent-replayed' in first.headers).toBe(answered);
      expect(second).toMatchObject({ status: 201, body: first.body });
      const accounts = table({ name: names.accounts, partitionKey: 'account' });
      expect(await row(client, accounts, { account })).toMatchObject({ payments: 1, balance: -5 });
    }
  },
  120_000,
);
afterAll(() => reportFigures('api killed at', histogram));

/** The signal that ended the process. */
async function killed(order: Order): Promise<string | null | undefined> {
  return (await victim.run(order)).signal;
}
