import { setTimeout as sleep } from 'node:timers/promises';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

test('a thrown error brings the whole batch again', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (attempt(records[0]!) === 1) throw new Error('no');
    },
  });
  await bench.send({ body: 'a' }, { body: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
  expect(runner.invocations.map(({ outcome, failed }) => ({ outcome, failed }))).toEqual([
    { outcome: 'error', failed: 2 },
    { outcome: 'ok', failed: 0 },
  ]);
});

test('a killed worker brings the whole batch again', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (attempt(records[0]!) === 1) process.kill(process.pid, 'SIGKILL');
    },
  });
  await bench.send({ body: 'a' }, { body: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('a timeout brings the whole batch again', async () => {
  const bench = await lab.bench({
    behaviour: async (records, tools) => {
      if (tools.attempt(records[0]!) === 1) await tools.sleep(60_000);
    },
    functionTimeoutSeconds: 1,
    visibilitySeconds: 3,
  });
  await bench.send({ body: 'a' }, { body: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([
    ['a', 'b'],
    ['a', 'b'],
  ]);
});

test('a failed message stays hidden until its visibility timeout ends', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (attempt(records[0]!) === 1) throw new Error('no');
    },
    visibilitySeconds: 3,
  });
  await bench.send({ body: 'a' });
  const runner = await lab.run(bench);
  while (runner.invocations.length === 0) await sleep(20);
  expect(await bench.left()).toEqual({ visible: 0, hidden: 1, delayed: 0 });
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['a'], ['a']]);
});

test('a message that fails maxReceiveCount times goes to the dead-letter queue', async () => {
  const bench = await lab.bench({
    behaviour: (records) => ({
      batchItemFailures: records
        .filter(({ body }) => body === 'poison')
        .map(({ messageId }) => ({ itemIdentifier: messageId })),
    }),
    maxReceiveCount: 2,
  });
  await bench.send({ body: 'poison' }, { body: 'good' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['poison', 'good'], ['poison']]);
  expect(await bench.dead()).toEqual(['poison']);
});

test('throttled invocations are tried again without a new receive', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(200),
    reservedConcurrency: 1,
    visibilitySeconds: 20,
    mapping: { BatchSize: 1 },
  });
  await bench.send({ body: 'a', group: '1' }, { body: 'b', group: '2' }, { body: 'c', group: '3' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(seen.flatMap(({ records }) => records.map(({ body }) => body)).sort()).toEqual(['a', 'b', 'c']);
  expect(seen.map(({ running }) => running)).toEqual([1, 1, 1]);
  expect(
    seen.map(({ records }) => records.map(({ attributes }) => attributes['ApproximateReceiveCount'])),
  ).toEqual([['1'], ['1'], ['1']]);
});

test('an invocation throttled past the visibility timeout is given up and the message comes again', async () => {
  const bench = await lab.bench({
    behaviour: async (records, tools) => {
      if (records[0]!.body === 'busy' && tools.attempt(records[0]!) === 1) await tools.sleep(6500);
    },
    reservedConcurrency: 1,
    functionTimeoutSeconds: 8,
    mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
  });
  await bench.send({ body: 'busy', group: '1' });
  const runner = await lab.run(bench);
  // Whoever is asked first takes the only instance.
  while ((await bench.seen()).length === 0) await sleep(20);
  await bench.send({ body: 'throttled', group: '2' });
  await runner.idle(100);
  expect(runner.invocations.map(({ functionError }) => functionError)).toContain('TooManyRequestsException');
  const records = (await bench.seen()).flatMap((invocation) => invocation.records);
  const throttled = records.filter(({ body }) => body === 'throttled');
  expect(throttled).toHaveLength(1);
  expect(Number(throttled[0]!.attributes['ApproximateReceiveCount'])).toBeGreaterThan(1);
});

/**
 * Two slots for two messages, both busy until after the visibility timeout: no receive renews the handle of `late`
 * before its delete is due.
 */
async function deliveriesOfLate(fifo: boolean): Promise<number> {
  const bench = await lab.bench({
    behaviour: async (records, tools) => {
      if (tools.attempt(records[0]!) === 1) await tools.sleep(records[0]!.body === 'late' ? 2800 : 4200);
    },
    fifo,
    functionTimeoutSeconds: 8,
    mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
  });
  await bench.send({ body: 'late', group: '1' }, { body: 'blocker', group: '2' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(new Set(runner.invocations.map(({ outcome }) => outcome))).toEqual(new Set(['ok']));
  return (await bench.seenBodies()).flat().filter((body) => body === 'late').length;
}

test('a FIFO message whose handle expired during a successful invocation comes again', async () => {
  expect(await deliveriesOfLate(true)).toBe(2);
});

test('a standard message is deleted with a handle that has expired', async () => {
  expect(await deliveriesOfLate(false)).toBe(1);
});

test('a message that the function deleted itself is done', async () => {
  const bench = await lab.bench({
    behaviour: async (records, { sqs }) => {
      await sqs('DeleteMessage', records[0]!);
    },
  });
  await bench.send({ body: 'a' }, { body: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['a', 'b']]);
  expect(runner.invocations[0]!.outcome).toBe('ok');
});
