import { BatchComesAgain } from './errors.js';
import type { HandedOut } from './event.js';

/**
 * What the mapping is told of records that come again. In contrast to queues and other streams the identifier is an
 * object. One that was not in the event fails the whole batch; an empty list, or none, acknowledges all.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html#kafka-partial-batch-response
 */
export interface KafkaBatchResponse {
  readonly batchItemFailures: readonly {
    readonly itemIdentifier: { readonly partition: string; readonly offset: number };
  }[];
}

/**
 * @param reports whether the mapping takes partial responses. One that does not would take them for a success.
 * @throws BatchComesAgain where it does not, and something comes again.
 */
export function responseOf(
  back: readonly HandedOut[],
  records: number,
  reports: boolean,
): KafkaBatchResponse {
  if (back.length > 0 && !reports) throw new BatchComesAgain(back.length, records);
  return {
    batchItemFailures: back.map(({ partition, record: { offset } }) => ({
      itemIdentifier: { partition, offset },
    })),
  };
}
