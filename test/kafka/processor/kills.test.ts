import { setTimeout as sleep } from 'node:timers/promises';
import { processorCrashPoints, type ProcessorCrashPoint } from '../../../runtime/kafka/processor/index.js';
import { reportFigures } from '../../fixtures/proof-report.js';
import type { WorkOrder } from './order.js';
import { random } from './random.js';
import { describeWithKafka } from './with-kafka.js';
import { until, World } from './world.js';
import type { Worker } from './worker-process.js';

const kills = Number(process.env.KAFKA_KILLS ?? 5);
/** Of one broker at a time, in a cluster of three. */
const brokerKills = Number(process.env.KAFKA_BROKER_KILLS ?? 0);
/** One broker alone leaves markers out when it is killed (docs/kafka-processor.md): 1 beside kills shows it. */
const brokers = (process.env.KAFKA_BROKERS ?? (brokerKills > 0 ? '3' : '1')) === '3' ? 3 : 1;
/** Longer than the controller takes to give up a broker that is silent (9 s), so that both ways are gone. */
const brokerAwayMs = 12_000;
/** At least; more are written while kills are still to come. */
const records = Number(process.env.KAFKA_RECORDS ?? 2_000);
const seed = Number(process.env.KAFKA_SEED ?? 1);

const patienceMs = 240_000 + (kills + brokerKills) * 60_000;

const outputs = ['debits', 'credits'];
const transactionTimeoutMs = 10_000;
const slots = [0, 1];

/** Where a process is killed: at a named point, or at any time. */
type Death = { readonly point: ProcessorCrashPoint; readonly times: number } | 'any time';

describeWithKafka(__filename)('processors that are killed', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open(brokers);
  }, 180_000);
  /** Ends what starts processes anew, also when the test has run out of time. */
  let end: () => void = () => undefined;
  afterAll(async () => {
    end();
    await world.close();
  });

  /**
   * A short count is told with what is missing where, and with what may hold it back, as long as the broker is there
   * to be asked.
   */
  const assertExact = async (names: readonly string[], input: readonly string[]) => {
    const problems: string[] = [];
    for (const output of names) {
      const values = await world.broker.values(output, input.length);
      const found = new Set(values);
      if (values.length === input.length && found.size === input.length) continue;
      const missing = input.filter((value) => !found.has(value));
      problems.push(
        `${output}: ${values.length} records, ${found.size} of them distinct, instead of ${input.length}; missing are ` +
          `${missing.length}: ${missing.slice(0, 50).join(' ')}\n${await world.broker.transactions(output)}`,
      );
    }
    if (problems.length > 0)
      throw new Error([...problems, ...(await world.broker.markersLeftOut())].join('\n'));
  };
  const numbered = (prefix: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${prefix}${index}`);

  const order = {
    topics: ['purchases'],
    outputs,
    start: 'earliest',
    transactionTimeoutMs,
    sessionTimeoutMs: 2_000,
    commitIntervalMs: 50,
    maxBatch: 200,
  } as const satisfies Partial<WorkOrder>;

  it(
    'write every record once to every output, through kills of processors and of the broker',
    async () => {
      await world.createTopics(['purchases', ...outputs]);
      const next = random(seed);
      const places = [...processorCrashPoints, 'any time'] as const;
      const deaths = Array.from({ length: kills }, (_, index): Death => {
        const place = places[index % places.length] ?? 'any time';
        return place === 'any time' ? place : { point: place, times: 1 + Math.floor(next() * 3) };
      });
      const hits: Record<string, number> = {};
      const ends: Record<string, number> = {};
      const count = (of: Record<string, number>, name: string) => (of[name] = (of[name] ?? 0) + 1);

      const running: Worker[] = [];
      let died = 0;
      let over = false;
      end = () => {
        over = true;
        for (const worker of running) worker.signal('SIGKILL');
      };
      // Changed while others run.
      const isOver = () => over;
      /** Starts processes in a slot for as long as they die, as an orchestrator does. */
      const supervise = async (slot: number) => {
        let death = deaths.shift();
        while (!isOver()) {
          const at = typeof death === 'object' ? { ...death, signal: 'SIGKILL' as const } : undefined;
          const worker = world.work({ ...order, consumerName: 'kills', slot, ...(at && { at }) });
          running[slot] = worker;
          if (death === 'any time') {
            await Promise.race([worker.ended, sleep(500 + next() * 4_000)]);
            worker.signal('SIGKILL');
          }
          await worker.ended;
          if (isOver()) return;
          const said = worker.lines.find(({ kind }) => kind === 'ended');
          if (said !== undefined) {
            // It ended by itself, because the broker was away for too long: its death is still to come.
            count(ends, String(said.error));
            continue;
          }
          if (worker.killedBy !== 'SIGKILL') {
            // Native code that crashes by itself is no kill of this test.
            count(ends, `crashed: ${worker.killedBy}`);
            continue;
          }
          count(hits, typeof death === 'object' ? death.point : 'any time');
          died += 1;
          death = deaths.shift();
        }
      };
      const supervised = slots.map(supervise);
      const broken = async () => {
        for (let done = 0; done < brokerKills; done += 1) {
          const after = Math.floor(((done + 1) * kills) / (brokerKills + 1));
          await until(`${after} processes have died`, () => died >= after, 3_600_000);
          await sleep(next() * 2_000);
          const node = 1 + Math.floor(next() * brokers);
          await world.broker.kill(node);
          if (brokers > 1) await sleep(next() * brokerAwayMs);
          await world.broker.restart(node);
          await world.broker.inSync();
          count(hits, 'broker');
        }
      };
      let brokerOver = false;
      const isBreaking = () => !brokerOver;
      const breaking = broken().finally(() => (brokerOver = true));
      // A broker that does not come back fails the test at the next record, and here it is no unhandled rejection.
      breaking.catch(() => undefined);

      let written = 0;
      while (written < records || died < kills || isBreaking()) {
        await world.produce(
          'purchases',
          Array.from({ length: 40 }, () => `purchase-${written++}`),
        );
        await sleep(50);
      }
      await breaking;
      await until(
        'everything is done',
        async () => (await world.done('kills', 'purchases')) === written,
        patienceMs,
      );
      over = true;
      for (const worker of running) worker.signal('SIGTERM');
      await Promise.all(supervised);

      await assertExact(outputs, numbered('purchase-', written));
      reportFigures('kafka processor: kills', {
        seed,
        records: written,
        kills: died,
        brokers,
        brokerKills,
        markersLeftOut: (await world.broker.markersLeftOut()).length,
        hits,
        ends,
      });
      expect(Object.keys(ends).filter((end) => end.startsWith('crashed'))).toEqual([]);
      expect(died).toBe(kills);
      for (const place of kills < places.length ? [] : places) expect(hits[place] ?? 0).toBeGreaterThan(0);
    },
    patienceMs,
  );

  it('are restarted one after the other, and no reader waits as long as a transaction may', async () => {
    const [input, output] = ['rolling-in', 'rolling-out'];
    await world.createTopics([input, output]);
    const start = (slot: number) =>
      world.work({ ...order, topics: [input], outputs: [output], consumerName: 'rolling', slot });
    const running = slots.map(start);
    const everybody = [...running];
    await Promise.all(running.map((worker) => worker.line('started')));
    let over = false;
    const isOver = () => over;
    let written = 0;
    const feeding = (async () => {
      while (!isOver()) {
        await world.produce(
          input,
          Array.from({ length: 20 }, () => `rolling-${written++}`),
        );
        await sleep(50);
      }
    })();
    await until('something is committed', () =>
      everybody.some((worker) => worker.sum('committed', 'messages') > 0),
    );
    for (const slot of slots) {
      const before = running[slot];
      before?.signal('SIGTERM');
      await before?.ended;
      expect(before?.error).toBeUndefined();
      const worker = start(slot);
      running[slot] = worker;
      everybody.push(worker);
      await worker.line('assigned');
      await sleep(500);
    }
    over = true;
    await feeding;
    await until('everything is done', async () => (await world.done('rolling', input)) === written);
    for (const worker of running) worker.signal('SIGTERM');
    await Promise.all(running.map(({ ended }) => ended));

    const times = everybody
      .flatMap(({ lines }) => lines.filter(({ kind }) => kind === 'committed'))
      .map(({ time }) => time)
      .sort((one, other) => one - other);
    const longestGapMs = Math.max(...times.slice(1).map((time, index) => time - (times[index] ?? time)));
    reportFigures('kafka processor: rolling restart', {
      records: written,
      commits: times.length,
      longestGapMs,
    });
    expect(longestGapMs).toBeLessThan(transactionTimeoutMs);
    await assertExact([output], numbered('rolling-', written));
  }, 300_000);
});
