import { answers, type Behaviour } from './endpoint-server.js';
import { minute, SenderWorld, tenant } from './world.js';

const hour = 60 * minute;
let world: SenderWorld;

beforeEach(async () => {
  world = await SenderWorld.open();
});
afterEach(() => world.close());

async function onlyDelivery(endpointId: string) {
  const [delivery] = await world.registry.deliveries(tenant, endpointId);
  return delivery!;
}

/** Turns the clock to the next attempt and lets it be made, until there is none. Returns the waits in seconds. */
async function waits(endpointId: string): Promise<number[]> {
  const seconds: number[] = [];
  for (;;) {
    const { dueAt, state } = await onlyDelivery(endpointId);
    if (state !== 'waiting') return seconds;
    seconds.push((dueAt - world.clock) / 1000);
    world.clock = dueAt - 1;
    const before = world.server.arrived.length;
    await world.send();
    expect(world.server.arrived).toHaveLength(before);
    world.clock = dueAt;
    await world.send();
    expect(world.server.arrived).toHaveLength(before + 1);
  }
}

test('an endpoint that answers 500 is tried ten times, by the schedule and never before it, then given up', async () => {
  const endpoint = await world.endpoint('/500');
  world.server.behaviours.set('/500', answers(500));
  const [webhookId] = await world.take(world.event('invoice.paid', { total: 5 }));
  expect(await waits(endpoint)).toEqual([0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
  expect(await onlyDelivery(endpoint)).toMatchObject({ state: 'failed', attempts: 10, last: 'answered 500' });
  const ids = new Set(world.server.arrived.map(({ headers }) => headers['webhook-id']));
  expect(ids).toEqual(new Set([webhookId]));
  // Signed at its own time, every time.
  const times = new Set(world.server.arrived.map(({ headers }) => headers['webhook-timestamp']));
  expect(times.size).toBe(10);
  const attempts = await world.registry.attempts(await onlyDelivery(endpoint));
  expect(attempts).toHaveLength(10);
  expect(attempts[0]).toMatchObject({ attempt: 10, outcome: 'answered 500', answer: 'status 500' });
  expect(world.alerts.filter(({ kind }) => kind === 'webhook.delivery.exhausted')).toMatchObject([
    { webhookId, topic: 'invoice.paid', payload: { type: 'invoice.paid', data: { total: 5 } }, attempts: 10 },
  ]);
}, 120_000);

test.each([
  [301, 5, 'a redirect, which is not followed'],
  [400, 5, 'a refusal'],
  [503, 5, 'an outage'],
  [429, 60, 'too much'],
  [504, 60, 'a gateway that waited in vain'],
])('after %i the next attempt is %i s later (%s)', async (status, seconds) => {
  const endpoint = await world.endpoint('/x');
  world.server.behaviours.set('/x', answers(status, { location: world.server.url('/elsewhere') }));
  await world.take(world.event());
  await world.send();
  const { dueAt } = await onlyDelivery(endpoint);
  expect((dueAt - world.clock) / 1000).toBe(seconds);
  expect(world.server.at('/elsewhere')).toEqual([]);
});

test.each([
  ['1', 503, 5],
  ['8', 503, 8],
  ['3600', 503, 10],
  ['soon', 503, 5],
  ['90', 429, 90],
  ['3600', 429, 120],
])('Retry-After %s of a %i counts within one and two steps: %i s', async (header, status, seconds) => {
  const endpoint = await world.endpoint('/x', status === 429 ? { schedule: [0, 60] } : {});
  world.server.behaviours.set('/x', answers(status, { 'retry-after': header }));
  await world.take(world.event());
  await world.send();
  expect(((await onlyDelivery(endpoint)).dueAt - world.clock) / 1000).toBe(seconds);
});

test.each([
  [500, 'failed', 'webhook.delivery.exhausted'],
  [410, 'held', 'webhook.endpoint.disabled'],
])(
  'after a %i whose alert cannot be told the endpoint rests, and the alert is told before it is %s',
  async (status, state, kind) => {
    const endpoint = await world.endpoint('/x', { schedule: [0] });
    world.server.behaviours.set('/x', answers(status));
    await world.take(world.event());
    const notify = async () => Promise.reject(new Error('no pager today'));
    for (let times = 1; times <= 3; times += 1) {
      // However often the worker is woken.
      for (let woken = 0; woken < 3; woken += 1) await world.send({ notify });
      expect(world.server.arrived).toHaveLength(times);
      const { dueAt, ...delivery } = await onlyDelivery(endpoint);
      expect(delivery).toMatchObject({ state: 'waiting', last: 'AlertNotTold' });
      world.clock = dueAt;
    }
    expect(world.alerts).toEqual([]);
    await world.send();
    expect(await onlyDelivery(endpoint)).toMatchObject({ state });
    expect(world.alerts.filter((alert) => alert.kind === kind)).toHaveLength(1);
    expect(world.server.arrived).toHaveLength(4);
  },
);

test('410 disables the endpoint: what waits and what comes is held, and a replay brings all of it', async () => {
  const endpoint = await world.endpoint('/gone');
  world.server.behaviours.set('/gone', answers(410));
  await world.take(world.event(), world.event());
  await world.send();
  await world.take(world.event());
  await world.send();
  expect(world.server.arrived.length).toBeLessThanOrEqual(2);
  expect(await world.registry.get(tenant, endpoint)).toMatchObject({ disabled: 'gone' });
  expect(world.alerts).toContainEqual(
    expect.objectContaining({ kind: 'webhook.endpoint.disabled', reason: 'gone' }),
  );
  const held = await world.registry.deliveries(tenant, endpoint);
  expect(held.map(({ state }) => state)).toEqual(['held', 'held', 'held']);

  world.server.arrived.length = 0;
  world.server.behaviours.clear();
  await world.registry.enable(tenant, endpoint);
  expect(await world.registry.replayAll({ tenant })).toBe(3);
  await world.send();
  expect(new Set(world.server.arrived.map(({ headers }) => headers['webhook-id'])).size).toBe(3);
});

test.each([
  ['hangs', () => undefined, 'no answer in time', 60],
  ['resets the connection', (_, __, request) => void request.socket.destroy(), 'ECONNRESET', 5],
  [
    'drips its head',
    (_, response) => void setInterval(() => response.socket?.write('HTTP/1.1 2'), 100).unref(),
    'ECONNRESET|HPE_INVALID|no answer in time',
    undefined,
  ],
] as [string, Behaviour, string, number | undefined][])(
  'an endpoint that %s is tried again, and the delivery is not lost',
  async (_, behaviour, reason, seconds) => {
    const endpoint = await world.endpoint('/bad');
    world.server.behaviours.set('/bad', behaviour);
    await world.take(world.event());
    await world.send({ timeoutSeconds: 1 });
    const delivery = await onlyDelivery(endpoint);
    expect(delivery).toMatchObject({ state: 'waiting', attempts: 1 });
    expect(delivery.last).toMatch(new RegExp(reason));
    if (seconds !== undefined) expect((delivery.dueAt - world.clock) / 1000).toBe(seconds);
    world.server.behaviours.clear();
    world.clock = delivery.dueAt;
    await world.send();
    expect(await onlyDelivery(endpoint)).toMatchObject({ state: 'delivered' });
  },
);

test('an answer of 10 MB, or one that drips, is taken by its status and cut off', async () => {
  const endpoint = await world.endpoint('/large', { types: ['large'] });
  const slow = await world.endpoint('/drip', { types: ['drip'] });
  world.server.behaviours.set(
    '/large',
    (_, response) => void response.writeHead(500).end(Buffer.alloc(10_000_000, 'x')),
  );
  world.server.behaviours.set('/drip', (_, response) => {
    response.writeHead(200);
    setInterval(() => response.write('x'), 50).unref();
  });
  await world.take(world.event('large'), world.event('drip'));
  // Who reads such an answer to its end does not come back in this test's time.
  await world.send({ timeoutSeconds: 30 });
  const [attempt] = await world.registry.attempts(await onlyDelivery(endpoint));
  expect(attempt?.answer).toHaveLength(1_000);
  expect(await onlyDelivery(slow)).toMatchObject({ state: 'delivered' });
}, 29_000);

test("this side's own trouble is not counted and not charged to the endpoint", async () => {
  const { endpointId } = await world.registry.create(tenant, { url: 'http://hooks.example/x' });
  await world.take(world.event());
  const down = () => Promise.reject(Object.assign(new Error('no resolver'), { code: 'EAI_AGAIN' }));
  for (let tries = 0; tries < 3; tries += 1) {
    await world.send({ lookup: down });
    world.clock += minute;
  }
  expect(await onlyDelivery(endpointId)).toMatchObject({
    state: 'waiting',
    attempts: 0,
    last: 'ResolverFailed',
  });
  expect((await world.registry.get(tenant, endpointId)).health.firstFailureAt).toBeUndefined();
  // A name that is not there is the endpoint's.
  const gone = () => Promise.reject(Object.assign(new Error('no name'), { code: 'ENOTFOUND' }));
  await world.send({ lookup: gone });
  expect(await onlyDelivery(endpointId)).toMatchObject({ attempts: 1, last: 'ENOTFOUND' });
});

test.each(['EAI_AGAIN', 'EAI_FAIL'])(
  'a name whose servers do not answer (%s), while those of others do, is charged to the endpoint',
  async (code) => {
    const { endpointId } = await world.registry.create(tenant, { url: 'http://hooks.example/x' });
    await world.take(world.event());
    const silent = async (host: string) => {
      if (host === 'hooks.example') throw Object.assign(new Error('no answer'), { code });
      return Promise.resolve([{ address: '192.0.2.1', family: 4 }]);
    };
    await world.send({ lookup: silent });
    expect(await onlyDelivery(endpointId)).toMatchObject({ attempts: 1, last: 'NameServersSilent' });
    expect((await world.registry.get(tenant, endpointId)).health.firstFailureAt).toBeDefined();
  },
);

test('an endpoint that only fails is told of at 50, 70 and 90 % of five days, and disabled at 100 %', async () => {
  const endpoint = await world.endpoint('/down', { schedule: Array.from({ length: 20 }, () => 7 * 3600) });
  world.server.behaviours.set('/down', answers(500));
  await world.take(world.event('order.sent', { n: 1 }));
  for (let tries = 0; tries < 20; tries += 1) {
    world.clock += 7 * hour;
    await world.send();
  }
  const told = world.alerts.map(({ kind, percent, reason, topic }) => [kind, percent ?? reason, topic]);
  expect(told.slice(0, 4)).toEqual([
    ['webhook.endpoint.failing', 50, 'order.sent'],
    ['webhook.endpoint.failing', 70, 'order.sent'],
    ['webhook.endpoint.failing', 90, 'order.sent'],
    ['webhook.endpoint.disabled', 100, 'order.sent'],
  ]);
  expect(await world.registry.get(tenant, endpoint)).toMatchObject({ disabled: 'failing' });
  expect(await onlyDelivery(endpoint)).toMatchObject({ state: 'held' });
}, 120_000);

test('the breaker lets nothing through after five failures in a row, then one, then all', async () => {
  await world.endpoint('/x', { maxInFlight: 1 });
  world.server.behaviours.set('/x', answers(500));
  await world.take(...Array.from({ length: 12 }, () => world.event()));
  await world.send();
  expect(world.server.arrived).toHaveLength(5);
  world.clock += 30_000;
  await world.send();
  expect(world.server.arrived).toHaveLength(6);
  world.server.behaviours.clear();
  world.clock += 60_000;
  await world.send();
  expect(world.server.arrived).toHaveLength(18);
  const states = (await world.registry.list(tenant))[0]!;
  expect(states.health).toEqual({});
});

test('the breaker opens for an endpoint that takes longer to fail than it is remembered, too', async () => {
  await world.endpoint('/x', { maxInFlight: 1 });
  world.server.behaviours.set('/x', (_, response) => {
    // As if it had hung: its row is read again before each attempt.
    if (world.server.arrived.length <= 8) world.clock += 15_000;
    response.writeHead(500).end();
  });
  await world.take(...Array.from({ length: 12 }, () => world.event()));
  await world.send();
  expect(world.server.arrived).toHaveLength(5);
});

test('failures in a row are counted over all runs of workers, and open the breaker', async () => {
  await world.endpoint('/x', { schedule: [0, 86_400] });
  world.server.behaviours.set('/x', answers(500));
  // One in each run, of a worker that knows nothing of the others.
  for (const arrived of [1, 2, 3, 4, 5, 5]) {
    await world.take(world.event());
    await world.send();
    expect(world.server.arrived).toHaveLength(arrived);
  }
  world.clock += 30_000;
  await world.send();
  expect(world.server.arrived).toHaveLength(6);
});

test('a rate is kept, also when the endpoint is read again', async () => {
  await world.endpoint('/slow', { ratePerSecond: 0.05, maxInFlight: 1 });
  await world.take(...Array.from({ length: 6 }, () => world.event()));
  // One may be sent every 20 seconds, and the first one takes 11.
  world.server.behaviours.set('/slow', (_, response) => {
    if (world.server.arrived.length === 1) world.clock += 11_000;
    response.writeHead(204).end();
  });
  await world.send();
  expect(world.server.arrived).toHaveLength(1);
});
