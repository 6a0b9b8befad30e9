import { readResponse } from '../../../targets/event-source/response.js';
import { embedded } from '../../fixtures/embedded.js';
import type { Behaviour } from '../kit/harness.js';
import { Lab } from '../kit/lab.js';

const lab = new Lab(embedded());
beforeAll(() => lab.open());
afterEach(() => lab.clear());
afterAll(() => lab.close());

/** Three messages in one batch. The behaviour decides about the first attempt, the second succeeds. */
async function attempts(behaviour: Behaviour): Promise<{ bodies: string[][]; reason: string | undefined }> {
  const bench = await lab.bench({ behaviour });
  await bench.send({ body: 'a' }, { body: 'b' }, { body: 'c' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  return { bodies: await bench.seenBodies(), reason: runner.invocations[0]!.functionError };
}

const batch = ['a', 'b', 'c'];

test('an empty batchItemFailures list deletes the batch', async () => {
  expect((await attempts(() => ({ batchItemFailures: [] }))).bodies).toEqual([batch]);
});

test('a null batchItemFailures list deletes the batch', async () => {
  expect((await attempts(() => ({ batchItemFailures: null }))).bodies).toEqual([batch]);
});

test('an empty response deletes the batch', async () => {
  expect((await attempts(() => ({}))).bodies).toEqual([batch]);
});

test('a null response deletes the batch', async () => {
  expect((await attempts(() => null)).bodies).toEqual([batch]);
});

test('listed messages come again, the others are deleted', async () => {
  const { bodies } = await attempts((records, { attempt }) => ({
    batchItemFailures: records
      .filter((record) => record.body !== 'a' && attempt(record) === 1)
      .map(({ messageId }) => ({ itemIdentifier: messageId })),
  }));
  expect(bodies).toEqual([batch, ['b', 'c']]);
});

test('an unknown itemIdentifier fails the batch', async () => {
  const { bodies, reason } = await attempts((records, { attempt }) =>
    attempt(records[0]!) === 1 ? { batchItemFailures: [{ itemIdentifier: 'no such message' }] } : undefined,
  );
  expect(bodies).toEqual([batch, batch]);
  expect(reason).toBe('itemIdentifier "no such message" is not in the batch');
});

test('an empty itemIdentifier fails the batch', async () => {
  const { bodies, reason } = await attempts((records, { attempt }) =>
    attempt(records[0]!) === 1 ? { batchItemFailures: [{ itemIdentifier: '' }] } : undefined,
  );
  expect(bodies).toEqual([batch, batch]);
  expect(reason).toBe('an itemIdentifier is empty');
});

test('a null itemIdentifier fails the batch', async () => {
  const { bodies, reason } = await attempts((records, { attempt }) =>
    attempt(records[0]!) === 1 ? { batchItemFailures: [{ itemIdentifier: null }] } : undefined,
  );
  expect(bodies).toEqual([batch, batch]);
  expect(reason).toBe('an itemIdentifier is null');
});

test('a wrong key instead of itemIdentifier fails the batch', async () => {
  const { bodies, reason } = await attempts((records, { attempt }) =>
    attempt(records[0]!) === 1 ? { batchItemFailures: [{ messageId: records[0]!.messageId }] } : undefined,
  );
  expect(bodies).toEqual([batch, batch]);
  expect(reason).toBe('an entry of batchItemFailures has no itemIdentifier');
});

test('a response that is not a JSON object fails the batch', async () => {
  const { bodies, reason } = await attempts((records, { attempt }) =>
    attempt(records[0]!) === 1 ? '{"batchItemFailures": [' : undefined,
  );
  expect(bodies).toEqual([batch, batch]);
  expect(reason).toBe('the response is not a JSON object');
  // Node functions cannot return anything but JSON, other runtimes can.
  expect(readResponse('{"batchItemFailures": [', ['a'], true).kind).toBe('all-failed');
});

test('without ReportBatchItemFailures a list of failures is ignored', async () => {
  const bench = await lab.bench({
    behaviour: (records) => ({
      batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
    }),
    mapping: { FunctionResponseTypes: [] },
  });
  await bench.send({ body: 'a' }, { body: 'b' });
  const runner = await lab.run(bench);
  await runner.idle(100);
  expect(await bench.seenBodies()).toEqual([['a', 'b']]);
});
