import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { reportFigures } from '../../fixtures/proof-report.js';
import { SenderBatches } from './batches.js';
import { minute, SenderWorld, tenant } from './world.js';

const deliveries = Number(process.env.WEBHOOK_DELIVERIES ?? 150);
/** Of each of the 38 endpoints. */
const events = deliveries > 1_000 ? 10 : 2;
let world: SenderWorld;
beforeEach(async () => {
  world = await SenderWorld.open(4);
});
afterEach(() => world.close());

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * Milliseconds from the start of sending to the arrival at endpoints that answer, the slowest of 95 %. Workers are
 * called as the schedule calls them, until everything has arrived.
 */
async function slowest(world: SenderWorld, hanging: number): Promise<number> {
  for (let i = 0; i < 38; i += 1) {
    await world.endpoint(`/${i}`);
    if (i < hanging) world.server.behaviours.set(`/${i}`, () => undefined);
  }
  for (let i = 0; i < events; i += 1) await world.take(world.event());
  const began = performance.now();
  const arrived = () => {
    const first = new Map<string, number>();
    for (const { path, headers, at } of world.server.arrived.toReversed())
      if (Number(path.slice(1)) >= 5) first.set(`${path} ${headers['webhook-id']}`, at - began);
    return first;
  };
  while (arrived().size < 33 * events) {
    await world.send({ timeoutSeconds: 4 });
    // On a busy machine an attempt may have taken too long, and is due again.
    world.clock += minute;
  }
  const answered = [...arrived().values()].sort((a, b) => a - b);
  return answered[Math.floor(answered.length * 0.95)] ?? Infinity;
}

test('endpoints that hang keep nothing from the others, which get every event', async () => {
  const without = await slowest(world, 0);
  const another = await SenderWorld.open(4);
  const beside = await slowest(another, 5).finally(() => another.close());
  reportFigures('webhook latency, ms', { without: Math.round(without), besideHanging: Math.round(beside) });
}, 120_000);

test('a rate is kept, over all events of an endpoint', async () => {
  await world.endpoint('/slow', { ratePerSecond: 5 });
  await world.take(...Array.from({ length: 10 }, () => world.event()));
  await world.send({ now: Date.now, lingerMs: 500 });
  const at = world.server.at('/slow').map((one) => one.at);
  expect(at).toHaveLength(10);
  // Five at once, then one every 200 ms.
  expect(at.at(-1)! - at[0]!).toBeGreaterThanOrEqual(900);
});

test('an endpoint gets no more attempts at once than it may', async () => {
  let [open, most] = [0, 0];
  await world.endpoint('/narrow', { maxInFlight: 3 });
  world.server.behaviours.set('/narrow', (_, response) => {
    most = Math.max(most, (open += 1));
    setTimeout(() => {
      open -= 1;
      response.writeHead(200).end();
    }, 30);
  });
  await world.take(...Array.from({ length: 20 }, () => world.event()));
  await world.send();
  expect(world.server.at('/narrow')).toHaveLength(20);
  expect(most).toBe(3);
});

test(
  `memory does not grow with the number of deliveries (${deliveries})`,
  async () => {
    await world.endpoint('/many');
    const endpointId = (await world.registry.list(tenant))[0]?.endpointId ?? '';
    const waiting = async () => world.registry.deliveries(tenant, endpointId, { states: ['waiting'] });
    const used = async () => {
      for (let i = 0; i < deliveries / 3 / 50; i += 1)
        await Promise.all(
          Array.from({ length: 5 }, () =>
            world.take(...Array.from({ length: 10 }, () => world.event('x', { text: 'x'.repeat(1_000) }))),
          ),
        );
      // A run of a worker ends with its time, and leaves what is due to the next one.
      do await world.send();
      while ((await waiting()).length > 0);
      world.clock += 1;
      world.server.arrived.length = 0;
      collectGarbage();
      return process.memoryUsage().heapUsed / 1e6;
    };
    const megabytes = [await used(), await used(), await used()];
    reportFigures('webhook heap, MB', { after: megabytes.map(Math.round).join(', ') });
    expect(megabytes[2]! - megabytes[1]!).toBeLessThan(40);
  },
  Math.max(120_000, deliveries * 300),
);

test('two workers at once: one sends for a shard, and the other has it look once more', async () => {
  await world.endpoint('/one');
  await world.take(world.event(), world.event());
  await Promise.all([world.send(), world.send(), world.send()]);
  expect(world.server.at('/one')).toHaveLength(2);
});

test('a worker whose time ends begins nothing to an endpoint that fails, for which the others would wait', async () => {
  await world.endpoint('/hanging');
  world.server.behaviours.set('/hanging', () => undefined);
  await world.take(...Array.from({ length: 6 }, () => world.event()));
  const worker = world.worker({ timeoutSeconds: 1 });
  // A second each for attempts, for what fails among them, and for its end.
  await worker({ Records: [SenderBatches.record({ shards: 'all' })] }, timeLeft(8_000));
  // Two at once when nothing was known of it; when they had failed it was too late for a third.
  expect(world.server.at('/hanging')).toHaveLength(2);
  world.server.behaviours.clear();
  world.clock += 2 * minute;
  await world.send();
  expect(new Set(world.server.arrived.map(({ headers }) => headers['webhook-id'])).size).toBe(6);
});

/** As Lambda tells it. */
function timeLeft(milliseconds: number) {
  const end = Date.now() + milliseconds;
  return { getRemainingTimeInMillis: () => end - Date.now() };
}
