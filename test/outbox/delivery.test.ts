import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { embedded } from '../fixtures/embedded.js';
import { OwnProcess } from '../fixtures/own-process.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { OutboxWorld } from './outbox-world.js';
import { playStream, RelayProcess } from './relay-process.js';
import type { WorkerOptions } from './relay-worker.js';
import { traffic, type Traffic } from './traffic.js';

const kills = Number(process.env.RELAY_KILLS ?? 5);
const figures: Record<string, unknown> = {};
let worker: OwnProcess;
beforeAll(async () => {
  worker = await OwnProcess.of(join(__dirname, 'relay-worker.ts'));
});
afterAll(async () => {
  await worker.remove();
  reportFigures('outbox delivery', figures);
});

/** Relays in processes of their own, and the run that they take part in. */
class Killed {
  readonly processes: RelayProcess[] = [];

  constructor(private readonly options: Partial<Pick<WorkerOptions, 'forgetful' | 'graceSeconds'>> = {}) {}

  get deaths(): number {
    return this.processes.reduce((sum, { deaths }) => sum + deaths, 0);
  }

  start({ world, places }: Traffic, deaths: number): RelayProcess {
    const process = new RelayProcess(
      worker,
      {
        ...{ table: world.table, graceSeconds: 60, forgetful: false },
        queueUrls: places.map(({ queueUrl }) => queueUrl),
        ...{ client: embedded().client, ...this.options },
      },
      deaths,
    );
    this.processes.push(process);
    return process;
  }

  /** Reads the whole stream of the table. */
  async stream(run: Traffic, deaths: number): Promise<void> {
    const process = this.start(run, deaths);
    await playStream(
      await run.world.reader(),
      (event) => process.invoke(event),
      () => !run.published(),
    );
    await process.stop();
  }

  /** Sweeps until nothing is left. */
  async sweeps({ world, places, published }: Traffic, deaths: number, pauseMs: number): Promise<void> {
    const process = this.start({ world, places, published }, deaths);
    for (;;) {
      const last = published();
      const answer = await process.invoke({});
      if (last && answer !== undefined && (await world.unsent()).length === 0) break;
      await sleep(pauseMs);
    }
    await process.stop();
  }

  /** Where they died, how often. */
  get where(): Record<string, number> {
    const where: Record<string, number> = {};
    for (const { killed } of this.processes)
      for (const [point, count] of killed) where[point] = (where[point] ?? 0) + count;
    return where;
  }
}

test(
  `a relay is killed ${kills} times under load: nothing lost, nothing doubled, every account in order`,
  async () => {
    const killed = new Killed();
    const run = await traffic({
      enough: () => killed.deaths >= kills,
      relay: (run) => killed.stream(run, kills),
    });
    figures['relay killed'] = { ...run, kills: killed.where };
    expect(killed.deaths).toBe(kills);
    // Had nothing come twice, nothing would have been shown.
    expect(run.received['standard']).toBeGreaterThan(run.events);
  },
  60_000 + 4_000 * kills,
);

test('two relays read the whole stream at once: nothing lost, nothing doubled, every account in order', async () => {
  const killed = new Killed();
  const run = await traffic({
    relay: async (run) => {
      await Promise.all([killed.stream(run, 2), killed.stream(run, 2)]);
    },
  });
  figures['two relays'] = { ...run, kills: killed.where };
  expect(run.received['standard']).toBeGreaterThan(run.events);
});

test('a FIFO queue that remembers no deduplication id gets what killed relays send again: nothing doubled', async () => {
  const killed = new Killed({ forgetful: true });
  const run = await traffic({ enough: () => killed.deaths >= 3, relay: (run) => killed.stream(run, 3) });
  figures['deduplication forgotten'] = { ...run, kills: killed.where };
  expect(run.received['fifo']).toBeGreaterThan(run.events);
});

test('the stream is lost altogether: the sweep alone, killed at times, delivers everything', async () => {
  const killed = new Killed({ graceSeconds: 0 });
  // A sweep that finds nothing passes no place to die at: until it has been killed at each, there is more to send.
  const run = await traffic({ enough: () => killed.deaths >= 3, relay: (run) => killed.sweeps(run, 3, 20) });
  figures['stream lost'] = { ...run, kills: killed.where };
});

test('a sweep beside the stream, both killed at times: nothing lost, nothing doubled, every account in order', async () => {
  const killed = new Killed({ graceSeconds: 0 });
  const run = await traffic({
    enough: () => killed.deaths >= 4,
    relay: async (run) => {
      await Promise.all([killed.stream(run, 3), killed.sweeps(run, 3, 100)]);
    },
  });
  figures['sweep beside the stream'] = { ...run, kills: killed.where };
  expect(run.received['standard']).toBeGreaterThan(run.events);
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
