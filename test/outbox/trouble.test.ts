import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBRecord } from 'aws-lambda';
import {
  listStuck,
  outboxRelay,
  queueTarget,
  stuckStreams,
  type RelayTarget,
} from '../../runtime/outbox/index.js';
import { newTable } from '../fixtures/dynamo.js';
import { reportFigures } from '../fixtures/proof-report.js';
import { limits } from '../fixtures/units.js';
import { newQueue, OutboxWorld } from './outbox-world.js';
import { Reader } from './readers.js';
import { playStream } from './relay-process.js';
import { random, traffic, type Traffic } from './traffic.js';
import { inTime, timeOf } from './written-outbox.js';

/** Rounds of five events. */
const rounds = Number(process.env.RELAY_ROUNDS ?? 12);
const figures: Record<string, unknown> = {};
afterAll(() => reportFigures('outbox trouble', figures));

type Flaw = (
  events: Parameters<RelayTarget['send']>[0],
  send: RelayTarget['send'],
) => ReturnType<RelayTarget['send']>;

interface Trouble {
  /** What is wrong with the target of a place, by the name of the place. */
  readonly flaws?: Readonly<Record<string, (mended: () => boolean) => Flaw>>;
  /** What the table's stream brings of each batch. @default - all */
  readonly brings?: (records: readonly DynamoDBRecord[]) => readonly DynamoDBRecord[];
}

/** Relays the stream in short runs, and sweeps as a schedule does, until nothing is left. */
async function relayWith(
  { world, places, published }: Traffic,
  { flaws = {}, brings = (all) => all }: Trouble,
) {
  const targets = places.map(({ name, queueUrl, types }): RelayTarget => {
    const target = queueTarget({ queueUrl, types, client: world.queues });
    const flaw = flaws[name]?.(published);
    if (flaw === undefined) return target;
    return { ...target, send: (events, options) => flaw(events, (all) => target.send(all, options)) };
  });
  let listed = 0;
  // A new instance each time: what one remembers helps nobody else.
  const relay = (graceSeconds: number) =>
    outboxRelay({
      ...{ table: world.table, retentionSeconds: 3600, graceSeconds, targets, dynamodb: world.client },
      observe: (summary) => void (listed += summary.listed),
      observeGauges: () => undefined,
    });
  const stream = playStream(
    await world.reader(),
    ({ Records }) => relay(60)({ Records: [...brings(Records)] }, timeOf(3_000)),
    () => !published(),
  );
  const sweeps = async () => {
    const state = { over: false };
    void stream.finally(() => (state.over = true));
    for (;;) {
      const last = state.over;
      await dueNow(world);
      await relay(last ? 0 : 60)({}, timeOf(5_000));
      if (last && (await world.unsent()).length === 0) return;
      await sleep(100);
    }
  };
  await Promise.all([stream, sweeps()]);
  return listed;
}

/** As if the time had passed for which stuck streams wait. */
async function dueNow({ client, table }: OutboxWorld): Promise<void> {
  const access = { client, table, limits: limits() };
  for await (const page of stuckStreams(access))
    for (const { stream, at, next, reason } of page)
      await listStuck(access, { stream, at, next, reason, due: 0 });
}

test.each<[string, (mended: () => boolean) => Flaw]>([
  [
    'is down',
    (mended) => (events, send) => (mended() ? send(events, inTimeOf()) : Promise.reject(new Error('down'))),
  ],
  [
    'hangs',
    (mended) => (events, send) => (mended() ? send(events, inTimeOf()) : new Promise<never>(() => undefined)),
  ],
  ['refuses some', () => refusing(Number(process.env.RELAY_REFUSES ?? 0.1))],
])(
  'one of three targets %s: the others get everything at once, and it everything in the end',
  async (what, flaw) => {
    let listed = 0;
    const run = await traffic({
      rounds,
      more: [{ name: 'flawed', fifo: true }],
      relay: async (run) => void (listed = await relayWith(run, { flaws: { flawed: flaw } })),
    });
    figures[`one of three targets ${what}`] = { ...run, listed };
    if (what !== 'refuses some') expect(listed).toBeGreaterThan(0);
  },
);

function inTimeOf() {
  return { signal: new AbortController().signal };
}

/** Refuses each event with a probability. What it refuses it has not taken. */
function refusing(probability: number): Flaw {
  const next = random(11);
  return async (events, send) => {
    const refused = events.filter(() => next() < probability);
    const taken = events.filter((event) => !refused.includes(event));
    const more = taken.length === 0 ? new Map<never, unknown>() : await send(taken, inTimeOf());
    return new Map([...refused.map((event) => [event, new Error('refused')] as const), ...more]);
  };
}

test('the stream loses a third of its records: the relay fills the gaps, the sweep the rest', async () => {
  const next = random(3);
  let lost = 0;
  const run = await traffic({
    rounds,
    relay: async (run) => {
      await relayWith(run, {
        brings: (records) => {
          const brought = records.filter(() => next() > 1 / 3);
          lost += records.length - brought.length;
          return brought;
        },
      });
    },
  });
  figures['records lost'] = { ...run, lost };
  expect(lost).toBeGreaterThan(10);
});

test('consumers that are sent some types see no gaps, on FIFO and on Standard, beside lost records and a target that refuses', async () => {
  const next = random(5);
  const run = await traffic({
    rounds,
    more: [
      { name: 'some, fifo', fifo: true, types: ['Moved'] },
      { name: 'some, standard', fifo: false, types: ['Closed', 'Opened'] },
      { name: 'one, fifo', fifo: true, types: ['Closed'] },
    ],
    relay: async (run) => {
      await relayWith(run, {
        flaws: { 'some, fifo': () => refusing(0.1) },
        brings: (records) => records.filter(() => next() > 0.2),
      });
    },
  });
  figures['filters'] = run;
});

test('what was in the queue at the restored moment, and was consumed after it, is sent again when it is asked for', async () => {
  const world = await OutboxWorld.open();
  for (const fifo of [true, false]) {
    const name = fifo ? 'ann' : 'bob';
    const queueUrl = await newQueue(world.queues, fifo);
    const dead = await newQueue(world.queues, false);
    const relay = outboxRelay({
      ...{ table: world.table, retentionSeconds: 3600, graceSeconds: 60, dynamodb: world.client },
      targets: [queueTarget({ queueUrl, client: world.queues })],
      ...{ observe: () => undefined, observeGauges: () => undefined },
    });
    const read = await world.reader();
    await world.publish([name, name, name]);
    await relay({ Records: await read() }, inTime);
    // The backup is made here: the events are sent, and wait in the queue. Then they are consumed.
    const [before, restored] = await Promise.all([1, 2].map(() => newTable(world.client, 'account')));
    const consumed = new Reader(world, queueUrl, before!, dead);
    while (await consumed.turn(() => 0.5));
    expect(await consumed.versions(name)).toBe('1 2 3');
    // The disaster: the consumer's table is what it was at the backup, and the outbox says that everything is sent.
    const reader = new Reader(world, queueUrl, restored!, dead);
    await relay({}, inTime);
    while (await reader.turn(() => 0.5));
    expect(await reader.versions(name)).toBe('');
    const stream = String(
      (await world.rows()).find((row) => String(row['stream']).includes(name))!['stream'],
    );
    const access = { client: world.client, table: world.table, limits: limits() };
    const again = {
      stream,
      at: Date.now(),
      next: new Map([['*', 1n]]),
      reason: 'restore',
      salt: 'restore 1',
    };
    // Twice, as a command that was interrupted is.
    for (let run = 0; run < 2; run += 1) {
      await listStuck(access, again);
      await relay({}, inTime);
      while (await reader.turn(() => 0.5));
      expect(await reader.versions(name)).toBe('1 2 3');
    }
    await world.publish([name]);
    await relay({ Records: await read() }, inTime);
    while (await reader.turn(() => 0.5));
    expect(await reader.versions(name)).toBe('1 2 3 4');
  }
  world.close();
});
