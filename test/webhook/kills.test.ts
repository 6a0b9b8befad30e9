import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { ScanCommand } from '@aws-sdk/client-dynamodb';
import type { CrashPoint } from '../../runtime/dedup/crash-points.js';
import { table } from '../../runtime/dynamodb/index.js';
import { newTable, row } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { newOutboxTable } from '../fixtures/outbox-table.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { signedBy } from './senders.js';
import { receiverOf, type Names } from './victim.js';
import { request } from './delivery.js';
import { client } from './world.js';

const kills = Number(process.env.WEBHOOK_KILLS ?? 4);
const secret = randomUUID();
let victim: OwnProcess;
let names: Names;

beforeAll(async () => {
  victim = await OwnProcess.of(join(__dirname, 'victim.ts'));
  const [receipts, counts] = await Promise.all([newTable(client, 'id'), newTable(client, 'name')]);
  names = { receipts: receipts.name, counts: counts.name, outbox: await newOutboxTable(client) };
});
afterAll(async () => {
  client.destroy();
  await victim.remove();
});

const points: CrashPoint[] = ['batch-received', 'before-commit', 'after-commit', 'before-answer'];
const histogram: Record<string, number> = {};

test.each(points)(
  `killed at %s (${kills} times), then sent again twice: each event acts and is published once`,
  async (dieAt) => {
    const survivor = receiverOf(names, secret, client);
    for (let kill = 0; kill < kills; kill += 1) {
      const id = `evt_${randomUUID()}`;
      const body = JSON.stringify({ id, type: 'invoice.paid' });
      const delivery = { headers: signedBy('stripe', secret, body), body };
      const { signal } = await victim.run({ names, client: embedded().client, delivery, secret, dieAt });
      expect(signal).toBe('SIGKILL');
      histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
      for (let again = 0; again < 2; again += 1)
        expect((await survivor(request(delivery), { deadline: Date.now() + 20_000 })).status).toBe(200);
      const counts = table({ name: names.counts, partitionKey: 'name' });
      expect((await row(client, counts, { name: id }))?.acts).toBe(1);
      expect(await published(id)).toBe(1);
    }
  },
  Math.max(120_000, kills * 60_000),
);
afterAll(() => reportFigures('webhook receiver killed at', histogram));

/** How many rows of the outbox have an event of that id in their data. */
async function published(id: string): Promise<number> {
  const { Items = [] } = await client.send(
    new ScanCommand({ TableName: names.outbox, ConsistentRead: true }),
  );
  return Items.filter(({ data }) => data?.S?.includes(id)).length;
}
