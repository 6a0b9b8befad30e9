import { RunnerStoppedError } from '../../../targets/event-source/errors.js';
import { startEventSourceRunner } from '../../../targets/event-source/index.js';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

test('idle waits for delayed and for hidden messages', async () => {
  const bench = await lab.bench({
    behaviour: (records, { attempt }) => {
      if (attempt(records[0]!) === 1) throw new Error('no');
    },
    fifo: false,
    visibilitySeconds: 5,
  });
  const runner = await lab.run(bench);
  await bench.send({ body: 'a', delaySeconds: 1 });
  await runner.idle(10);
  expect(await bench.seenBodies()).toEqual([['a'], ['a']]);
  expect(await bench.left()).toEqual({ visible: 0, hidden: 0, delayed: 0 });
});

test('stop waits for the invocations in flight and receives nothing more', async () => {
  const bench = await lab.bench({
    behaviour: (_records, { sleep }) => sleep(500),
    visibilitySeconds: 20,
    mapping: { BatchSize: 1 },
  });
  const runner = await lab.run(bench);
  await bench.send({ body: 'a' }, { body: 'b' });
  while ((await bench.left()).hidden === 0);
  await runner.stop();
  expect(await bench.left()).toEqual({ visible: 1, hidden: 0, delayed: 0 });
  expect(await bench.seenBodies()).toEqual([['a']]);
});

test('a callback that throws stops the runner with its error', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const runner = await startEventSourceRunner(embedded(), {
    functionNames: [bench.name],
    onInvocation: () => {
      throw new Error('cannot count');
    },
  });
  await bench.send({ body: 'a' });
  const failure: unknown = await runner.idle(2000).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RunnerStoppedError);
  expect((failure as Error).message).toContain('cannot count');
  await runner.stop();
});
