import type { LogRecord } from './log.js';
import { partitionName } from './record.js';

/** What Lambda makes of an invocation that ended without a function error. */
export type KafkaVerdict =
  | { readonly kind: 'all-succeeded' }
  | { readonly kind: 'all-failed'; readonly reason: string }
  | { readonly kind: 'some-failed'; readonly failed: ReadonlySet<LogRecord> };

const allSucceeded: KafkaVerdict = { kind: 'all-succeeded' };

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
  if (!reports || payload.trim() === '') return allSucceeded;
  let response: unknown;
  try {
    response = JSON.parse(payload);
  } catch {
    return allFailed('the response is not JSON');
  }
  if (response === null) return allSucceeded;
  if (!isObject(response)) return allFailed('the response is not a JSON object');
  const list = response['batchItemFailures'] ?? [];
  if (!Array.isArray(list)) return allFailed('batchItemFailures is not a list');
  const failed = new Set<LogRecord>();
  for (const item of list as unknown[]) {
    const id = isObject(item) ? item['itemIdentifier'] : undefined;
    const found = records.find(
      ({ partition, offset }) =>
        isObject(id) && id['partition'] === partitionName(topic, partition) && id['offset'] === offset,
    );
    if (found === undefined) return allFailed(`itemIdentifier ${JSON.stringify(id)} is not in the batch`);
    failed.add(found);
  }
  return failed.size === 0 ? allSucceeded : { kind: 'some-failed', failed };
}

function allFailed(reason: string): KafkaVerdict {
  return { kind: 'all-failed', reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
