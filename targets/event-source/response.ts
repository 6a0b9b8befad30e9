/** What Lambda makes of an invocation that ended without a function error. */
export type Verdict =
  | { readonly kind: 'all-succeeded' }
  | { readonly kind: 'all-failed'; readonly reason: string }
  | { readonly kind: 'some-failed'; readonly failedIds: ReadonlySet<string> };

const allSucceeded: Verdict = { kind: 'all-succeeded' };

/**
 * Reads a function's response to a batch by the success and failure conditions of
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
 * and, the same for streams, https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 *
 * @param payload the raw response, empty when there is none
 * @param messageIds of the batch; sequence numbers for a stream
 * @param reportsItemFailures whether the mapping has ReportBatchItemFailures: without it no response is looked at
 */
export function readResponse(
  payload: string,
  messageIds: readonly string[],
  reportsItemFailures: boolean,
): Verdict {
  if (!reportsItemFailures || payload.trim() === '') return allSucceeded;
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
  const failedIds = new Set<string>();
  for (const item of list as unknown[]) {
    if (!isObject(item) || !('itemIdentifier' in item)) {
      return allFailed('an entry of batchItemFailures has no itemIdentifier');
    }
    const id = item['itemIdentifier'];
    if (id === null) return allFailed('an itemIdentifier is null');
    if (id === '') return allFailed('an itemIdentifier is empty');
    if (typeof id !== 'string' || !messageIds.includes(id)) {
      return allFailed(`itemIdentifier ${JSON.stringify(id)} is not in the batch`);
    }
    failedIds.add(id);
  }
  return failedIds.size === 0 ? allSucceeded : { kind: 'some-failed', failedIds };
}

function allFailed(reason: string): Verdict {
  return { kind: 'all-failed', reason };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
