import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { request } from './delivery.js';
import { signedBy } from './senders.js';
import { onEachStore } from './stores.js';
import { receiverOf } from './victim.js';
import { client } from './world.js';

const kills = Number(process.env.WEBHOOK_KILLS ?? 4);
const secret = randomUUID();
let victim: OwnProcess;
beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
});
afterAll(async () => {
  client.destroy();
  await victim.remove();
});

const points: CrashPoint[] = ['batch-received', 'before-commit', 'after-commit', 'before-answer'];

onEachStore((store) => {
  const histogram: Record<string, number> = {};

  test.each(points)(
    `killed at %s (${kills} times), then sent again twice: each event acts and is published once`,
    async (dieAt) => {
      const { at } = store();
      const survivor = receiverOf(at, secret);
      for (let kill = 0; kill < kills; kill += 1) {
        const id = `evt_${randomUUID()}`;
        const body = JSON.stringify({ id, type: 'invoice.paid' });
        const delivery = { headers: signedBy('stripe', secret, body), body };
        const { signal } = await victim.run({ at, delivery, secret, dieAt });
        expect(signal).toBe('SIGKILL');
        histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
        for (let again = 0; again < 2; again += 1) {
          const { status } = await survivor.receive(request(delivery), { deadline: Date.now() + 20_000 });
          expect(status).toBe(200);
        }
        expect(await store().acts('shop', id)).toBe(1);
        // In the stream of the entity, which is the event itself: its data tells it.
        expect((await store().published()).filter(({ data }) => data.includes(id))).toHaveLength(1);
      }
      await survivor.close();
    },
    Math.max(120_000, kills * 60_000),
  );
  afterAll(() =>
    reportFigures(
      `webhook receiver on ${'url' in store().at ? 'Postgres' : 'DynamoDB'} killed at`,
      histogram,
    ),
  );
});
