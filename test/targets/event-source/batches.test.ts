import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

const bodies = (count: number) => Array.from({ length: count }, (_, index) => ({ body: String(index) }));

test('a batch has at most BatchSize messages', async () => {
  const bench = await lab.bench({ behaviour: () => undefined, mapping: { BatchSize: 3 } });
  await bench.send(...bodies(7));
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect((await bench.seenBodies()).map((batch) => batch.length)).toEqual([3, 3, 1]);
});

test('a batching window gathers more than one receive can bring', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 20,
    mapping: { BatchSize: 100, MaximumBatchingWindowInSeconds: 2 },
  });
  await bench.send(...bodies(25));
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect((await bench.seenBodies()).map((batch) => batch.length)).toEqual([25]);
});

test('a batching window ends early when the batch is full', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 400,
    // Far beyond the test's own time limit.
    mapping: { BatchSize: 12, MaximumBatchingWindowInSeconds: 300 },
  });
  await bench.send(...bodies(12));
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect((await bench.seenBodies()).map((batch) => batch.length)).toEqual([12]);
});

test('a batching window takes messages that are sent while it is open', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 400,
    mapping: { BatchSize: 5, MaximumBatchingWindowInSeconds: 300 },
  });
  const runner = await lab.run(bench);
  await bench.send({ body: 'first' });
  while ((await bench.left()).hidden === 0);
  await bench.send(...bodies(4));
  await runner.idle(100);
  expect((await bench.seenBodies()).map((batch) => batch.length)).toEqual([5]);
});

test('a batch ends before its payload exceeds 6 MB', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 20,
    mapping: { BatchSize: 10, MaximumBatchingWindowInSeconds: 1 },
  });
  await bench.send(...Array.from({ length: 8 }, () => ({ body: 'x'.repeat(900_000) })));
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(runner.invocations.map(({ records, outcome }) => ({ records, outcome }))).toEqual([
    { records: 6, outcome: 'ok' },
    { records: 2, outcome: 'ok' },
  ]);
});

test('a batching window that reaches the visibility timeout is refused by name: a message would come several times in one batch', async () => {
  const bench = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 3,
    mapping: { BatchSize: 10, MaximumBatchingWindowInSeconds: 3 },
  });
  await expect(lab.run(bench)).rejects.toThrow(
    'a batching window of 3 s on a queue whose visibility timeout is 3 s: a message could come several times in one batch',
  );
});
