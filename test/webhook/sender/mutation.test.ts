import { webhookConditions } from '../../../runtime/dynamodb/webhook-conditions.js';
import { deliveryAsSeen, deliveryNotDone } from '../../../runtime/dynamodb/webhook-conditions.js';
import { putUp } from '../../../runtime/webhook/sender/put-up.js';
import { endpointOf, laneKey, placeKey, type Delivery } from '../../../runtime/webhook/sender/rows.js';
import { readEndpoint } from '../../../runtime/webhook/sender/rows.js';
import { ShardLease } from '../../../runtime/webhook/sender/store/shard-lease.js';
import { WebhookStore } from '../../../runtime/webhook/sender/store/webhook-store.js';
import { SenderWorld, tenant } from './world.js';

let world: SenderWorld;
let store: WebhookStore;
beforeAll(async () => {
  world = await SenderWorld.open(1);
  store = new WebhookStore(world.client, world.settings.table);
});
afterAll(() => world.close());

const times = { leaseMs: 60_000, maxClockSkewMs: 0, now: () => world.clock };

async function delivered(path: string, ordered = false): Promise<{ endpointId: string; delivery: Delivery }> {
  const endpointId = await world.endpoint(path, { types: [path], ordered });
  await world.take(world.event(path));
  const [delivery] = await world.registry.deliveries(tenant, endpointId);
  return { endpointId, delivery: delivery! };
}

const stored = async ({ pk, sk }: Delivery) => (await store.readOne({ pk, sk }))!;

async function endpointRow(endpointId: string) {
  return readEndpoint((await store.readOne({ pk: `E#${tenant}`, sk: endpointId }))!);
}

/** What a condition prevents: each looks for it with the condition as it is, be it right or `true`. */
const searches: Record<keyof typeof webhookConditions, (path: string) => Promise<string[]>> = {
  async webhookRowAbsent(path) {
    const { endpointId } = await delivered(path);
    const again = await world.registry
      .create(tenant, { url: world.server.url('/other') }, endpointId)
      .catch(() => undefined);
    return again === undefined ? [] : ['an endpoint written over, with its secrets'];
  },

  async webhookRowThere(path) {
    await world.registry.disable(tenant, `nobody-${path}`).catch(() => undefined);
    const row = await store.readOne({ pk: `E#${tenant}`, sk: `nobody-${path}` });
    return row === undefined ? [] : ['a ghost of an endpoint'];
  },

  async secretsAsSeen(path) {
    const endpointId = await world.endpoint(path);
    const fresh = await Promise.all([1, 2].map(async () => world.registry.rotateSecret(tenant, endpointId)));
    const { secrets } = await endpointRow(endpointId);
    return fresh.every((one) => secrets.some(({ secret }) => secret === one))
      ? []
      : ['a secret that was returned, and signs nothing'];
  },

  async deliveryAsSeen(path) {
    const { delivery } = await delivered(path);
    await world.send();
    // A zombie that had it in flight says that it failed.
    await store.update(delivery, { set: { state: 'failed' } }, deliveryAsSeen(delivery.sends));
    return (await stored(delivery)).state === 'delivered' ? [] : ['a delivery that was taken, and is failed'];
  },

  async deliveryNotDone(path) {
    const { delivery } = await delivered(path);
    await world.send();
    await store.update(delivery, { set: { state: 'delivered' }, add: { sends: 1 } }, deliveryNotDone());
    return (await stored(delivery)).sends === 1 ? [] : ['one success that counts twice'];
  },

  async shardFree() {
    await store.remove({ pk: 'S#0', sk: '!' });
    const first = await ShardLease.take(store, 0, times);
    const second = await ShardLease.take(store, 0, times);
    await second?.release(false);
    await first?.release(false);
    return second === undefined ? [] : ['two workers for one shard'];
  },

  async shardMine() {
    await store.remove({ pk: 'S#0', sk: '!' });
    const dead = await ShardLease.take(store, 0, times);
    world.clock += 60_001;
    const heir = await ShardLease.take(store, 0, times);
    world.clock += 1;
    const held = await dead!.renew();
    await heir?.release(false);
    return held ? ['a lease that two workers have'] : [];
  },

  async shardQuiet() {
    await store.remove({ pk: 'S#0', sk: '!' });
    const lease = await ShardLease.take(store, 0, times);
    await ShardLease.take(store, 0, times);
    const released = await lease!.release(true);
    await lease!.release(false);
    return released ? ['a worker that was asked to look again, and went'] : [];
  },

  async deliveryNotWaiting(path) {
    const { endpointId, delivery } = await delivered(path);
    // It is on its way, and nobody has put it up yet.
    const put = await putUp(store, await endpointRow(endpointId), delivery, world.clock);
    return put ? ['a delivery on its way that begins anew'] : [];
  },

  async deliveryNotReplayed(path) {
    const { endpointId, delivery } = await delivered(path);
    await world.send();
    const again = () => world.registry.replay(tenant, endpointId, delivery.webhookId, { replays: 0 });
    const put = [await again()];
    await world.send();
    // The same form once more, when what it asked for has been done.
    put.push(await again());
    return put.filter(Boolean).length === 1 ? [] : ['one form that sends a delivery again twice'];
  },

  async laneUnchanged(path) {
    const { endpointId, delivery } = await delivered(path, true);
    await world.send();
    return joinedMeanwhile(endpointId, delivery, 1);
  },

  async laneNew(path) {
    const { endpointId, delivery } = await delivered(path, true);
    await world.send();
    await store.remove(laneKey(tenant, endpointId));
    await store.remove(placeKey(tenant, endpointId, 1));
    return joinedMeanwhile(endpointId, delivery, undefined);
  },

  async laneAwake(path) {
    const { endpointId, delivery } = await delivered(path, true);
    await world.send();
    return sleptMeanwhile(endpointId, delivery, true);
  },

  async laneAsleep(path) {
    const { endpointId, delivery } = await delivered(path, true);
    await world.send();
    return sleptMeanwhile(endpointId, delivery, false);
  },
};

/** Lets something happen between the reading of the lane and the commit of who joins it. */
async function joining(
  endpointId: string,
  delivery: Delivery,
  meanwhile: () => Promise<unknown>,
): Promise<void> {
  const endpoint = await endpointRow(endpointId);
  const seen = (await stored(delivery)) as unknown as Delivery;
  const lane = laneKey(tenant, endpointId);
  const read = store.readOne.bind(store);
  let first = true;
  const spy = jest.spyOn(store, 'readOne').mockImplementation(async (key) => {
    const row = await read(key);
    if (key.pk === lane.pk && first) {
      first = false;
      await meanwhile();
    }
    return row;
  });
  await putUp(store, endpoint, seen, world.clock);
  spy.mockRestore();
}

async function joinedMeanwhile(
  endpointId: string,
  delivery: Delivery,
  before: number | undefined,
): Promise<string[]> {
  const lane = laneKey(tenant, endpointId);
  const next = before === undefined ? 1 : 2;
  await joining(endpointId, delivery, async () => {
    // Another one takes the place, and expires from it at once: only the count of the lane still tells.
    await store.put({ ...lane, next: next + 1, v: 1, done: 0 });
  });
  const count = Number((await store.readOne(lane))?.next);
  return count === next + 2 &&
    (await store.readOne(placeKey(tenant, endpointOf(lane).endpointId, next))) === undefined
    ? []
    : ['a place that two have'];
}

async function sleptMeanwhile(endpointId: string, delivery: Delivery, wasAwake: boolean): Promise<string[]> {
  const lane = laneKey(tenant, endpointId);
  const row = (await store.readOne(lane))!;
  const awake = { ...row, dueIn: 'S#0', dueAt: world.clock };
  const later = world.clock + 300_000;
  if (wasAwake) await store.put(awake);
  // Its worker finds it empty and takes it off the index; or the head of the lane fails, and it waits for its time.
  await joining(endpointId, delivery, () => store.put(wasAwake ? row : { ...awake, dueAt: later }));
  const now = await store.readOne(lane);
  if (wasAwake) return now?.dueIn === undefined ? ['a delivery in a lane that nobody looks at (lost)'] : [];
  return now?.dueAt === later ? [] : ['a lane that is woken before its time'];
}

const ids = Object.keys(webhookConditions) as (keyof typeof webhookConditions)[];

test.each(ids)('%s: with it nothing is found, without it something is', async (id) => {
  expect(await searches[id](`/${id}/with`)).toEqual([]);
  const condition = webhookConditions[id];
  // As good as `true`, and uses all that the condition names.
  webhookConditions[id] = `(${condition}) OR NOT (${condition})`;
  try {
    expect(await searches[id](`/${id}/without`)).not.toEqual([]);
  } finally {
    webhookConditions[id] = condition;
  }
});
