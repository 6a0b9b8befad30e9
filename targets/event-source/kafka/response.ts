import { allFailed, isObject, itemFailures } from '../response.js';
import type { LogRecord } from './log.js';
import { partitionName } from './record.js';

/** What Lambda makes of an invocation that ended without a function error. */
export type KafkaVerdict =
  | { readonly kind: 'all-succeeded' }
  | { readonly kind: 'all-failed'; readonly reason: string }
  | { readonly kind: 'some-failed'; readonly failed: ReadonlySet<LogRecord> };

/**
 * Reads a function's response to a batch by
 * https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html#kafka-partial-batch-response: an empty
 * response, or null, is a success; a partition or an offset that was not in the event fails the batch.
 *
 * @param reports whether the mapping has ReportBatchItemFailures: without it no response is looked at
 */
export function readKafkaResponse(
  payload: string,
  topic: string,
  records: readonly LogRecord[],
  reports: boolean,
): KafkaVerdict {
  const list = itemFailures(payload, reports);
  if ('kind' in list) return list;
  const failed = new Set<LogRecord>();
  for (const item of list) {
    const id = isObject(item) ? item['itemIdentifier'] : undefined;
    const found = records.find(
      ({ partition, offset }) =>
        isObject(id) && id['partition'] === partitionName(topic, partition) && id['offset'] === offset,
    );
    if (found === undefined) return allFailed(`itemIdentifier ${JSON.stringify(id)} is not in the batch`);
    failed.add(found);
  }
  return failed.size === 0 ? { kind: 'all-succeeded' } : { kind: 'some-failed', failed };
}
