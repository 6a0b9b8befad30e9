import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

test('groups run in parallel, one batch per group at a time, in order', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(150),
    visibilitySeconds: 20,
    mapping: { BatchSize: 2 },
  });
  const groups = ['1', '2', '3'];
  const numbers = [0, 1, 2, 3, 4, 5];
  for (const group of groups) {
    await bench.send(...numbers.map((number) => ({ body: `${group}-${number}`, group })));
  }
  const runner = await lab.run(bench);
  await runner.idle(100);

  const seen = await bench.seen();
  expect(Math.max(...seen.map(({ running }) => running))).toBeGreaterThan(1);
  expect(seen.map(({ runningInGroup }) => runningInGroup)).toEqual(seen.map(() => 1));
  const bodies = seen.flatMap(({ records }) => records.map(({ body }) => body));
  for (const group of groups) {
    const inOrder = numbers.map((number) => `${group}-${number}`);
    expect(bodies.filter((body) => body.startsWith(group))).toEqual(inOrder);
  }
});

test('a batch holds messages of several groups in the order of the queue', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const messages = ['1', '2', '1', '3', '2'].map((group, index) => ({ body: `${group}-${index}`, group }));
  await bench.send(...messages);
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['1-0', '2-1', '1-2', '3-3', '2-4']]);
});

test('a failed message holds back the rest of its group and no other group', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (records[0]!.body === 'a1' && attempt(records[0]!) === 1) throw new Error('no');
    },
    // Short, and more than the call that is done takes on a busy machine.
    visibilitySeconds: 5,
    mapping: { BatchSize: 1 },
  });
  await bench.send({ body: 'a1', group: 'a' }, { body: 'a2', group: 'a' }, { body: 'b1', group: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  const bodies = (await bench.seenBodies()).flat();
  expect(bodies.filter((body) => body.startsWith('a'))).toEqual(['a1', 'a1', 'a2']);
  expect(bodies.indexOf('b1')).toBeLessThan(bodies.lastIndexOf('a1'));
});

test('a group made visible during its invocation waits for the end of it', async () => {
  const bench = await lab.bench({
    behaviour: async (records, tools) => {
      if (tools.attempt(records[0]!) > 1) return;
      await tools.sqs('ChangeMessageVisibility', records[0]!, { VisibilityTimeout: 0 });
      await tools.sleep(800);
    },
    visibilitySeconds: 10,
    functionTimeoutSeconds: 5,
  });
  await bench.send({ body: 'a' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(seen.map(({ records }) => records[0]!.attributes['ApproximateReceiveCount'])).toEqual(['1', '2']);
  expect(seen.map(({ runningInGroup }) => runningInGroup)).toEqual([1, 1]);
});

test('a group whose visibility timeout ended is invoked again beside the first invocation', async () => {
  const bench = await lab.bench({
    behaviour: async (records, tools) => {
      if (tools.attempt(records[0]!) === 1) await tools.sleep(5000);
    },
    functionTimeoutSeconds: 8,
  });
  await bench.send({ body: 'a' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(seen.map(({ records }) => records[0]!.attributes['ApproximateReceiveCount'])).toEqual(['1', '2']);
  expect(seen.map(({ runningInGroup }) => runningInGroup)).toEqual([1, 2]);
});

test('MaximumConcurrency caps the invocations of a FIFO mapping', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(200),
    visibilitySeconds: 20,
    mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
  });
  await bench.send(...['1', '2', '3', '4', '5', '6'].map((group) => ({ body: group, group })));
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(seen).toHaveLength(6);
  expect(Math.max(...seen.map(({ running }) => running))).toBe(2);
});

test('MaximumConcurrency caps the invocations of a standard mapping', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(200),
    fifo: false,
    visibilitySeconds: 20,
    mapping: { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } },
  });
  await bench.send(...['1', '2', '3', '4', '5', '6'].map((body) => ({ body })));
  const runner = await lab.run(bench);
  await runner.idle(100);
  const seen = await bench.seen();
  expect(seen).toHaveLength(6);
  expect(Math.max(...seen.map(({ running }) => running))).toBe(2);
});
