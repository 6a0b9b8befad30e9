import { join } from 'node:path';
import type { CrashPoint } from '../../../runtime/dedup/crash-points.js';
import { table, type Table } from '../../../runtime/dynamodb/index.js';
import { fixedSecrets, standardWebhooks, webhookReceiver } from '../../../runtime/webhook/index.js';
import { newTable, row } from '../../fixtures/dynamo.js';
import { embedded } from '../../fixtures/embedded.js';
import { OwnProcess } from '../../fixtures/own-process.js';
import { reportFigures } from '../../fixtures/proof-report.js';
import { request } from '../delivery.js';
import { invoke, type Order } from './victim.js';
import { SenderWorld, tenant } from './world.js';

const kills = Number(process.env.WEBHOOK_KILLS ?? 2);
const points: [Order['role'], CrashPoint][] = [
  ['intake', 'batch-received'],
  ['intake', 'before-commit'],
  ['intake', 'after-commit'],
  ['intake', 'before-answer'],
  ['worker', 'lease-claimed'],
  ['worker', 'before-send'],
  ['worker', 'after-send'],
  ['worker', 'after-mark'],
];
const histogram: Record<string, number> = {};
let victim: OwnProcess;
let world: SenderWorld;
let counts: Table;

beforeAll(async () => {
  [victim, world] = await Promise.all([OwnProcess.of(join(__dirname, 'victim.ts')), SenderWorld.open(1)]);
  counts = table(await newTable(world.client, 'name'));
  for (const path of ['/unordered', '/ordered']) await receiverAt(path);
});
afterAll(async () => {
  reportFigures('webhook sender killed at', histogram);
  await world.close();
  await victim.remove();
});

/** Our own receiver behind a real server, which counts under no key how often an event acts. */
async function receiverAt(path: string): Promise<void> {
  const { secrets } = await world.registry.create(tenant, {
    url: world.server.url(path),
    ordered: path === '/ordered',
  });
  const receipts = await newTable(world.client, 'id');
  const receive = webhookReceiver({
    settings: { receiverName: 'hooks', dedupTable: receipts.name, windowSeconds: 60 * 86_400, secretIds: {} },
    sources: {
      shop: {
        scheme: standardWebhooks(),
        secrets: fixedSecrets(secrets[0]!.secret),
        // The clock of the sender is turned forward past the leases of the dead.
        toleranceSeconds: 86_400,
      },
    },
    handle: ({ senderId = '' }, tx) =>
      tx.update(counts, { name: `${path} ${senderId}` }, { add: { acts: 1 } }),
    dynamodb: world.client,
    observe: () => undefined,
  });
  world.server.behaviours.set(path, ({ headers, body }, response) => {
    void receive(request({ headers, body }), { deadline: Date.now() + 10_000 }).then(({ status }) =>
      response.writeHead(status).end(),
    );
  });
}

test.each(points)(
  `%s killed at %s (${kills} times): each event comes to its endpoints, and acts there once`,
  async (role, dieAt) => {
    for (let kill = 0; kill < kills; kill += 1) {
      const event = world.event();
      const order = { settings: world.settings, client: embedded().client, event, now: world.clock };
      if (role === 'worker') await invoke({ ...order, role: 'intake' }, world.client);
      const { signal } = await victim.run({ ...order, role, dieAt });
      expect(signal).toBe('SIGKILL');
      histogram[dieAt] = (histogram[dieAt] ?? 0) + 1;
      // The queue delivers the event again, and a worker finds the shard when the lease of the dead one is over.
      await invoke({ ...order, role: 'intake' }, world.client);
      world.clock += 200_000;
      await world.send();
      await world.send();
      const { webhookIdOf } = await import('../../../runtime/webhook/sender/index.js');
      const id = webhookIdOf(event.source, event.id);
      for (const path of ['/unordered', '/ordered'])
        expect([path, (await row(world.client, counts, { name: `${path} ${id}` }))?.acts]).toEqual([path, 1]);
      for (const { endpointId } of await world.registry.list(tenant))
        expect(
          await world.registry.deliveries(tenant, endpointId, { states: ['waiting', 'failed', 'held'] }),
        ).toEqual([]);
    }
  },
  Math.max(120_000, kills * 60_000),
);
