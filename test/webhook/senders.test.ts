import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { senders, sourceOf, type Sender } from './senders.js';
import { flipped, placesOf, signatureFlipped } from './delivery.js';
import { client, uniqueName, World } from './world.js';

let world: World;
beforeAll(async () => {
  world = await new World().open();
});
afterAll(() => client.destroy());

const swapped = (sender: Sender, name: string, of: () => Sender) =>
  sender.deliver(name, { secret: of().secret });

describe.each(Object.entries(senders))('%s', (_, make) => {
  const sender = make();
  const source = `s-${randomUUID()}`;
  const receive = () => world.receiver({ [source]: sourceOf(sender) });

  test('three deliveries of each event, in any order, act once and are all answered with success', async () => {
    const take = receive();
    const names = Array.from({ length: 4 }, uniqueName);
    const deliveries = [...names, ...names, ...names].sort(() => Math.random() - 0.5);
    for (const name of deliveries) {
      const { status } = await take({ source, ...(await sender.deliver(name)) });
      expect(status).toBe(200);
    }
    expect(await Promise.all(names.map((name) => world.acts(source, name)))).toEqual([1, 1, 1, 1]);
  });

  test('deliveries of one event at the same time act once', async () => {
    const take = receive();
    const name = uniqueName();
    const sent = await Promise.all([1, 2, 3].map(async () => sender.deliver(name)));
    const answers = await Promise.all(sent.map((delivery) => take({ source, ...delivery })));
    // One that finds another under way is told to come again.
    expect(answers.map(({ status }) => status).every((status) => [200, 409, 503].includes(status))).toBe(
      true,
    );
    expect((await take({ source, ...(await sender.deliver(name)) })).status).toBe(200);
    expect(await world.acts(source, name)).toBe(1);
  });

  test('one bit of the body, or of the signature, changed: 401, and nothing acts', async () => {
    const take = receive();
    const name = uniqueName();
    const delivery = await sender.deliver(name);
    const places =
      sender.signsFields === true ? fc.constantFrom(...placesOf(delivery, name)) : fc.nat(10_000);
    await fc.assert(
      fc.asyncProperty(places, async (place) => {
        expect((await take({ source, ...flipped(delivery, place) })).status).toBe(401);
        expect((await take({ source, ...signatureFlipped(delivery, place) })).status).toBe(401);
      }),
      { numRuns: 20 },
    );
    expect(await world.acts(source, name)).toBe(0);
  });

  test('signed with the secret of somebody else, or not at all: 401', async () => {
    const take = receive();
    const name = uniqueName();
    const other = await swapped(sender, name, make);
    expect((await take({ source, ...other })).status).toBe(401);
    if (sender.signsFields !== true) {
      const { body, query } = await sender.deliver(name);
      expect((await take({ source, headers: {}, body, query })).status).toBe(401);
    }
    expect(await world.acts(source, name)).toBe(0);
  });

  if (sender.timeless !== true)
    test.each([
      ['before', -1],
      ['after', 1],
    ])('signed more than the tolerance %s now: 400, and its skew is told', async (_when, sign) => {
      const take = receive();
      const name = uniqueName();
      const at = new Date(Date.now() + sign * 400_000);
      expect((await take({ source, ...(await sender.deliver(name, { at })) })).status).toBe(400);
      expect(Math.abs(world.summaries.at(-1)?.skewSeconds ?? 0)).toBeGreaterThan(390);
      const near = new Date(Date.now() + sign * 200_000);
      expect((await take({ source, ...(await sender.deliver(name, { at: near })) })).status).toBe(200);
      expect(await world.acts(source, name)).toBe(1);
    });
});
