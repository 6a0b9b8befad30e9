import { randomUUID } from 'node:crypto';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { handlerOf, type ConsumerOptions, type SqsConsumer } from './handler.js';
import type { Message } from '../consumer/message.js';
import type { Outcome } from '../dedup/outcome.js';
import type { Prepared } from '../dedup/way.js';

export interface SqsNaturalConsumerOptions<Schema extends StandardSchemaV1> extends ConsumerOptions<Schema> {
  /**
   * The effect: one that changes nothing when it runs again, also after later messages have run (a full overwrite, an
   * upsert, a flag that only rises). That is declared here and checked by nobody at run time: prove it with
   * `checkNaturallyIdempotent`. A throw means "try again"; `RejectMessage` means "never".
   */
  readonly handle: (message: Message<StandardSchemaV1.InferOutput<Schema>>) => unknown;
}

/**
 * A Lambda handler for effects that are idempotent by nature: no receipt, no cost beside the effect (R16).
 *
 * Guarantees: a message is acknowledged only after `handle` has returned for it, or it is in the dead-letter queue
 * with the reason; a FIFO group keeps its order. Does not guarantee: that `handle` runs once. It runs at least once,
 * and a copy may run after later messages: an overwrite with older state needs a version and a condition on it.
 *
 * @throws InvalidSettings at start, when a setting is missing or out of range.
 */
export function sqsNaturalConsumer<Schema extends StandardSchemaV1>(
  options: SqsNaturalConsumerOptions<Schema>,
): SqsConsumer {
  return handlerOf<Schema, Prepared>(
    options,
    // No identity: copies are not merged, because running each is harmless.
    () => ({ id: randomUUID(), key: '' }),
    () => ({
      async prepare({ message }, { lane }) {
        await options.handle(message);
        return { lane };
      },
      commit: (done) =>
        Promise.resolve({
          outcomes: new Map(done.map((one): [Prepared, Outcome] => [one, { kind: 'processed' }])),
        }),
    }),
  );
}
