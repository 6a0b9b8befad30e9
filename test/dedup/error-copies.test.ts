import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import type * as Errors from '../../runtime/dedup/errors.js';
import {
  EffectNotStarted,
  ExactlyOnceError,
  faultOf,
  IgnoreMessage,
  InvalidKey,
  isFinal,
  RejectMessage,
} from '../../runtime/dedup/errors.js';
import { sqsConsumer, type BatchSummary } from '../../runtime/sqs/index.js';
import { sqsRecord } from '../../runtime/testing/index.js';
import { dynamo, newTable } from '../fixtures/dynamo.js';
import { drain, newFifoQueue, sqs } from '../fixtures/queue.js';

/** The classes of a second copy of the package, such as the ES module beside the CommonJS one. */
function otherCopy(): typeof Errors {
  let copy: unknown;
  jest.isolateModules(() => {
    copy = jest.requireActual('../../runtime/dedup/errors.js');
  });
  if ((copy as typeof Errors).RejectMessage === RejectMessage) throw new Error('it is the same copy');
  return copy as typeof Errors;
}

const other = otherCopy();

test('what handlers throw is the same for every copy of the package, and so is what derives from it', () => {
  class SoldOut extends other.RejectMessage {}
  const known = (error: unknown) =>
    [ExactlyOnceError, RejectMessage, IgnoreMessage, EffectNotStarted, InvalidKey].map(
      (errorClass) => error instanceof errorClass,
    );
  expect(known(new SoldOut('x'))).toEqual([true, true, false, false, false]);
  expect(known(other.ignore('x'))).toEqual([true, false, true, false, false]);
  expect(known(new other.EffectNotStarted('x'))).toEqual([true, false, false, true, false]);
  expect(known(new Error('x'))).toEqual([false, false, false, false, false]);
  expect(known({ name: 'RejectMessage' })).toEqual([false, false, false, false, false]);
  expect(isFinal(new SoldOut('x'))).toBe(true);
  expect(faultOf(new other.DependencyFailed('x'))).toBe('dependency');
});

test('a class that a user derived is only what it made itself', () => {
  class Mine extends RejectMessage {}
  expect(new Mine('x')).toBeInstanceOf(RejectMessage);
  expect(new RejectMessage('x')).not.toBeInstanceOf(Mine);
  expect(new other.RejectMessage('x')).not.toBeInstanceOf(Mine);
});

test('a message that a handler rejects with the class of another copy is a dead letter at once', async () => {
  const [client, queue] = [dynamo(), sqs()];
  const [receipts, deadLetterQueueUrl] = await Promise.all([newTable(client, 'id'), newFifoQueue(queue)]);
  const summaries: BatchSummary[] = [];
  const handler = sqsConsumer({
    settings: {
      consumerName: 'copies',
      dedupTable: receipts.name,
      receiptRetentionSeconds: 3600,
      deadLetterQueueUrl,
    },
    schema: z.object({ id: z.string() }),
    key: ({ body }) => body.id,
    handle: ({ group }) => {
      throw group === 'a' ? new other.RejectMessage('sold out') : other.ignore('none of ours');
    },
    dynamodb: client,
    sqs: queue,
    observe: (summary) => summaries.push(summary),
  });
  const Records = ['a', 'b'].map((group) => sqsRecord({ group, body: { id: randomUUID() } }));
  const { batchItemFailures } = await handler({ Records }, { getRemainingTimeInMillis: () => 30_000 });
  expect(batchItemFailures).toEqual([]);
  expect(summaries).toMatchObject([{ rejected: 1, ignored: 1, retry: 0 }]);
  expect(await drain(queue, deadLetterQueueUrl)).toHaveLength(1);
  client.destroy();
  queue.destroy();
});
