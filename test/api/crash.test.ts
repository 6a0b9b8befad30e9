import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { limits, request } from './payments.js';
import { onEachStore } from './stores.js';
import type { Order } from './victim-order.js';

const hits = Number(process.env.CRASH_HITS ?? 5);
let victim: OwnProcess;
beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
});
afterAll(async () => victim.remove());

/** The points on a request's way, in their order. After the commit the answer is lost, and the retry gets it. */
const points: [CrashPoint, answered: boolean][] = [
  ['batch-received', false],
  ['before-commit', false],
  ['after-commit', true],
  ['before-answer', true],
];

onEachStore(({ api, payments, store }) => {
  const histogram: Record<string, number> = {};

  test.each(points)(
    `killed at %s (${hits} times), then asked again: one payment, one answer`,
    async (dieAt, answered) => {
      const survivor = api();
      for (let hit = 0; hit < hits; hit += 1) {
        const [key, account] = [randomUUID(), randomUUID()];
        expect(await killed({ at: store().at, key, account, dieAt })).toBe('SIGKILL');
        histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
        const ask = async () => survivor(request({ key, body: { account, cents: 5 } }), limits());
        const [first, second] = [await ask(), await ask()];
        expect('idempotent-replayed' in first.headers).toBe(answered);
        expect(second).toMatchObject({ status: 201, body: first.body });
        expect(await payments(account)).toBe(1);
      }
    },
    Math.max(120_000, hits * 20_000),
  );
  afterAll(() =>
    reportFigures(`api on ${'url' in store().at ? 'Postgres' : 'DynamoDB'} killed at`, histogram),
  );
});

/** The signal that ended the process. */
async function killed(order: Order): Promise<string | null | undefined> {
  return (await victim.run(order)).signal;
}
