import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  LambdaClient,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { MappingEnabledError, MappingInvalidError } from '../../../targets/event-source/errors.js';
import { embedded } from '../../fixtures/embedded.js';
import { Lab } from '../kit/lab.js';

const target = embedded();
const lambda = new LambdaClient(target.client);
const lab = new Lab(target);
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(async () => {
  lambda.destroy();
  await lab.close();
});

test('the deployed mapping is disabled before its queue is read and stays disabled', async () => {
  const bench = await lab.bench({ behaviour: () => undefined, mapping: { Enabled: true } });
  const runner = await lab.run(bench);
  const state = async () =>
    (await lambda.send(new GetEventSourceMappingCommand({ UUID: bench.mappingId }))).State;
  expect(await state()).toBe('Disabled');
  await bench.send({ body: 'a' });
  await runner.idle(100);
  // The function was called by the runner, and by nobody else.
  expect(runner.invocations.map(({ records }) => records)).toEqual([1]);
  expect(await bench.seenBodies()).toEqual([['a']]);
  await runner.stop();
  expect(await state()).toBe('Disabled');
});

test('a mapping that somebody enables again is reported', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const runner = await lab.run(bench);
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID: bench.mappingId, Enabled: true }));
  await expect(runner.idle(100)).rejects.toThrow(MappingEnabledError);
});

test('a mapping that is deployed as disabled is played', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const runner = await lab.run(bench);
  await bench.send({ body: 'a' });
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['a']]);
});

test('a second mapping of one queue and function is refused', async () => {
  const bench = await lab.bench({ behaviour: () => undefined });
  const { EventSourceArn, FunctionArn } = await lambda.send(
    new GetEventSourceMappingCommand({ UUID: bench.mappingId }),
  );
  const twin = { EventSourceArn, FunctionName: FunctionArn, Enabled: false };
  const { UUID } = await lambda.send(new CreateEventSourceMappingCommand(twin));
  try {
    await expect(lab.run(bench)).rejects.toThrow(MappingInvalidError);
  } finally {
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
  }
});

test('only the mappings of the named functions are played', async () => {
  const played = await lab.bench({ behaviour: () => undefined });
  const other = await lab.bench({ behaviour: () => undefined });
  await played.send({ body: 'a' });
  await other.send({ body: 'b' });
  const runner = await lab.run(played);
  await runner.idle(100);
  expect(runner.mappings.map(({ functionName }) => functionName)).toEqual([played.name]);
  expect(await other.left()).toEqual({ visible: 1, hidden: 0, delayed: 0 });
});

test('settings that AWS refuses are refused', async () => {
  const fifo = await lab.bench({
    behaviour: () => undefined,
    mapping: { BatchSize: 11, MaximumBatchingWindowInSeconds: 1 },
  });
  await expect(lab.run(fifo)).rejects.toThrow(
    new MappingInvalidError(fifo.mappingId, [
      'batch size 11 on a FIFO queue, at most 10 is allowed',
      'a batching window on a FIFO queue, which has none',
    ]),
  );
  const standard = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    mapping: { BatchSize: 11 },
  });
  await expect(lab.run(standard)).rejects.toThrow(
    new MappingInvalidError(standard.mappingId, [
      'batch size 11 without a batching window, more than 10 needs a window of at least 1 s',
    ]),
  );
  const slow = await lab.bench({
    behaviour: () => undefined,
    fifo: false,
    visibilitySeconds: 400,
    mapping: { BatchSize: 10_001, MaximumBatchingWindowInSeconds: 301 },
  });
  await expect(lab.run(slow)).rejects.toThrow(
    new MappingInvalidError(slow.mappingId, [
      'batch size 10001, 1 to 10,000 is allowed',
      'a batching window of 301 s, at most 300 s is allowed',
    ]),
  );
});
