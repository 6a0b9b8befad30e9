/** What Lambda makes of an invocation that ended without a function error. */
export type Verdict =
  | { readonly kind: 'all-succeeded' }
  | { readonly kind: 'all-failed'; readonly reason: string }
  | { readonly kind: 'some-failed'; readonly failedIds: ReadonlySet<string> };

/** What is the same for every kind of source. */
type Whole = Exclude<Verdict, { readonly kind: 'some-failed' }>;

const allSucceeded: Whole = { kind: 'all-succeeded' };

/**
 * The entries of `batchItemFailures`, or what becomes of the batch where there is no such list.
 *
 * @param reportsItemFailures whether the mapping has ReportBatchItemFailures: without it no response is looked at
 */
export function itemFailures(payload: string, reportsItemFailures: boolean): readonly unknown[] | Whole {
  if (!reportsItemFailures || payload.trim() === '') return allSucceeded;
  let response: unknown;
  try {
    response = JSON.parse(payload);
  } catch {
    return allFailed('the response is not JSON');
  }
  if (response === null) return allSucceeded;
  if (!isObject(response)) return allFailed('the response is not a JSON object');
  const list: unknown = response['batchItemFailures'] ?? [];
  return Array.isArray(list) ? (list as unknown[]) : allFailed('batchItemFailures is not a list');
}

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
  const list = itemFailures(payload, reportsItemFailures);
  if ('kind' in list) return list;
  const failedIds = new Set<string>();
  for (const item of list) {
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

export function allFailed(reason: string): Whole {
  return { kind: 'all-failed', reason };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
