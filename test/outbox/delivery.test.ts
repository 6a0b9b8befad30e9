import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { newTable, row } from '../fixtures/dynamo.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { newQueue, OutboxWorld } from './outbox-world.js';
import { Reader } from './readers.js';
import { playStream, RelayProcess } from './relay-process.js';
import type { WorkerOptions } from './relay-worker.js';

const kills = Number(process.env.RELAY_KILLS ?? 5);
const accounts = ['ann', 'bob', 'cem', 'dee', 'eve'];
const figures: Record<string, unknown> = {};
let worker: OwnProcess;
beforeAll(async () => {
  worker = await OwnProcess.of(join(__dirname, 'relay-worker.ts'));
});
afterAll(async () => {
  await worker.remove();
  reportFigures('outbox delivery', figures);
});

/** Numerical Recipes' generator: the same order in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32;
}

interface Traffic {
  /** Runs relays against the outbox until `published` is true and nothing is left. */
  readonly relay: (
    world: OutboxWorld,
    options: WorkerOptions,
    published: () => boolean,
  ) => Promise<RelayProcess[]>;
  readonly options?: Partial<Pick<WorkerOptions, 'forgetful' | 'graceSeconds'>>;
  /** Goes on publishing at least until this holds. */
  readonly enough?: () => boolean;
}

/**
 * Publishes while relays run and are killed, and two consumers read: one from a FIFO queue, one from a Standard queue
 * in random order. Every fifth commit is refused. What the consumers wrote down is held against the accounts' own
 * versions.
 */
async function traffic(name: string, { relay, options = {}, enough = () => true }: Traffic): Promise<void> {
  const world = await OutboxWorld.open();
  const [fifo, standard, dead] = await Promise.all([
    newQueue(world.queues, true),
    newQueue(world.queues, false),
    newQueue(world.queues, false),
  ]);
  const [statements, notices] = await Promise.all([
    newTable(world.client, 'account'),
    newTable(world.client, 'account'),
  ]);
  const readers = [new Reader(world, fifo, statements, dead), new Reader(world, standard, notices, dead)];
  let [published, relayed, refused] = [false, false, 0];
  const publish = async () => {
    for (let round = 0; round < 12 || !enough(); round += 1) {
      // Enough to read for both consumers, while kills are waited for.
      if (round >= 12) await sleep(200);
      await world.publish(accounts);
      if (round % 5 === 0) refused += (await world.publish(['ann'], { refused: true })).length;
    }
    published = true;
  };
  const next = random(7);
  const read = async (reader: Reader) => {
    for (;;) {
      const last = relayed;
      if (!(await reader.turn(next)) && last) return;
    }
  };
  const workerOptions: WorkerOptions = {
    ...{ table: world.table, graceSeconds: 60, forgetful: false, queueUrls: [fifo, standard] },
    ...{ client: embedded().client, ...options },
  };
  const relays = relay(world, workerOptions, () => published).finally(() => (relayed = true));
  const [processes] = await Promise.all([relays, publish(), ...readers.map(read)]);

  let events = 0;
  for (const account of accounts) {
    const { version, moves } = (await row(world.client, world.accounts, { name: account })) ?? {};
    expect(version).toBe(moves);
    events += Number(version);
    const all = Array.from({ length: Number(version) }, (_, index) => index + 1).join(' ');
    for (const reader of readers)
      expect(`${account}: ${await reader.versions(account)}`).toBe(`${account}: ${all}`);
  }
  expect(await world.unsent()).toEqual([]);
  const killed: Record<string, number> = {};
  for (const one of processes)
    for (const [point, count] of one.killed) killed[point] = (killed[point] ?? 0) + count;
  figures[name] = {
    ...{ events, refused, kills: killed },
    ...{ fifoMessages: readers[0]!.received, standardMessages: readers[1]!.received },
  };
  // Had nothing come twice, nothing would have been shown.
  expect(readers[1]!.received).toBeGreaterThan(events);
  if (options.forgetful === true) expect(readers[0]!.received).toBeGreaterThan(events);
  world.close();
}

async function stream(world: OutboxWorld, published: () => boolean, process: RelayProcess): Promise<void> {
  const more = await world.reader();
  await playStream(
    more,
    (event) => process.invoke(event),
    () => !published(),
  );
  await process.stop();
}

test(
  `a relay is killed ${kills} times under load: nothing lost, nothing doubled, every account in order`,
  async () => {
    let process: RelayProcess | undefined;
    await traffic('relay killed', {
      enough: () => (process?.deaths ?? 0) >= kills,
      relay: async (world, options, published) => {
        process = new RelayProcess(worker, options, kills);
        await stream(world, published, process);
        return [process];
      },
    });
    expect(process!.deaths).toBe(kills);
  },
  60_000 + 4_000 * kills,
);

test('two relays read the whole stream at once: nothing lost, nothing doubled, every account in order', async () => {
  await traffic('two relays', {
    relay: async (world, options, published) => {
      const both = [new RelayProcess(worker, options, 2), new RelayProcess(worker, options, 2)];
      await Promise.all(both.map((process) => stream(world, published, process)));
      return both;
    },
  });
});

test('a FIFO queue that remembers no deduplication id gets what killed relays send again: nothing doubled', async () => {
  let process: RelayProcess | undefined;
  await traffic('deduplication forgotten', {
    options: { forgetful: true },
    enough: () => (process?.deaths ?? 0) >= 3,
    relay: async (world, options, published) => {
      process = new RelayProcess(worker, options, 3);
      await stream(world, published, process);
      return [process];
    },
  });
});

test('the stream is lost altogether: the sweep alone, killed at times, delivers everything', async () => {
  let sweeper: RelayProcess | undefined;
  await traffic('stream lost', {
    options: { graceSeconds: 0 },
    // A sweep that finds nothing passes no place to die at: until it has been killed at each, there is more to send.
    enough: () => (sweeper?.deaths ?? 0) >= 3,
    relay: async (world, options, published) => {
      const process = (sweeper = new RelayProcess(worker, options, 3));
      for (;;) {
        const last = published();
        const answer = await process.invoke({});
        if (last && answer !== undefined && (await world.unsent()).length === 0) break;
        await sleep(20);
      }
      await process.stop();
      return [process];
    },
  });
});

test('a commit that was refused publishes nothing', async () => {
  const world = await OutboxWorld.open();
  expect(await world.publish(['ann', 'ann'], { refused: true })).toEqual(['retry', 'retry']);
  await world.publish(['ann']);
  const records = await (await world.reader())();
  expect(records).toHaveLength(1);
  expect((await world.rows()).map(({ version }) => Number(version))).toEqual([1]);
  world.close();
});
