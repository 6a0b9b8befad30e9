/**
 * The parameters of a scan for rows that are claimed or queued: jobs, and leases, which have the same states. It
 * finds rows; no guarantee rests on it.
 */
export function openRows(statuses: readonly string[]) {
  return {
    FilterExpression: `#status IN (${statuses.map((_, i) => `:s${i}`).join()})`,
    ExpressionAttributeNames: { '#status': 'status' },
    ExpressionAttributeValues: Object.fromEntries(statuses.map((S, i) => [`:s${i}`, { S }])),
  };
}
