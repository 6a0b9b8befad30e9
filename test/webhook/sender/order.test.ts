import { answers } from './endpoint-server.js';
import { SenderWorld, tenant } from './world.js';

let world: SenderWorld;
beforeEach(async () => {
  world = await SenderWorld.open();
});
afterEach(() => world.close());

const numbers = (path: string) =>
  world.server.at(path).map(({ body }) => (JSON.parse(body) as { data: { n: number } }).data.n);

async function takeOneByOne(from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 1) await world.take(world.event('x', { n }));
}

test('where order is asked, one that fails holds back all behind it until it is taken', async () => {
  const endpoint = await world.endpoint('/ordered', { ordered: true });
  await world.endpoint('/free');
  world.server.behaviours.set(
    '/ordered',
    ({ body }, response) => void response.writeHead(body.includes('"n":3') ? 500 : 200).end(),
  );
  await takeOneByOne(1, 6);
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3]);
  expect(numbers('/free').sort()).toEqual([1, 2, 3, 4, 5, 6]);
  await takeOneByOne(7, 7);
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3]);
  world.server.behaviours.clear();
  world.clock += 5_000;
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3, 3, 4, 5, 6, 7]);
  await takeOneByOne(8, 9);
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3, 3, 4, 5, 6, 7, 8, 9]);
  const states = (await world.registry.deliveries(tenant, endpoint)).map(({ state }) => state);
  expect(new Set(states)).toEqual(new Set(['delivered']));
});

test('one that is given up lets the next ones pass, and comes at the end when it is put up again', async () => {
  const endpoint = await world.endpoint('/ordered', { ordered: true, schedule: [0] });
  world.server.behaviours.set(
    '/ordered',
    ({ body }, response) => void response.writeHead(body.includes('"n":2') ? 500 : 200).end(),
  );
  await takeOneByOne(1, 4);
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3, 4]);
  world.server.behaviours.set('/ordered', answers(200));
  expect(await world.registry.replayAll({ tenant, endpointId: endpoint })).toBe(1);
  await world.send();
  expect(numbers('/ordered')).toEqual([1, 2, 3, 4, 2]);
});

test('events that come at the same time have one order, and none is lost', async () => {
  await world.endpoint('/ordered', { ordered: true });
  const events = Array.from({ length: 20 }, (_, n) => world.event('x', { n }));
  await Promise.all(events.map((event) => world.take(event)));
  await world.send();
  expect([...numbers('/ordered')].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
}, 120_000);
