import { operatorLimits } from '../dedup/operator-limits.js';
import { streamText } from './aggregate-way.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';

/** A version of a stream that has not come while later ones wait for it. */
export interface PostgresGap {
  readonly consumerName: string;
  /** With {@link PostgresGap.sequence} it is what `passOverPostgresVersion` takes. */
  readonly stream: string;
  /** The version that is missing, as decimal digits. */
  readonly sequence: string;
  /** The next version that is known to wait. */
  readonly waiting: string;
  /** ISO 8601: since when. */
  readonly since: string;
}

const listText =
  'SELECT p.aggregate, p.stream, (p.position + 1)::text AS sequence, p.since::float8 AS since, coalesce(' +
  '(SELECT min(e.version) FROM exactly_once.early_events e WHERE (e.consumer, e.aggregate, e.stream) = (p.consumer, p.aggregate, p.stream)), ' +
  'p.beyond)::text AS waiting FROM exactly_once.positions p WHERE p.consumer = $1 AND p.listed ORDER BY p.since LIMIT $2';

/**
 * The gaps of a consumer that stand for longer than its `gapTimeoutSeconds`, oldest first.
 *
 * @param most how many, at most
 */
export async function listPostgresGaps(
  pool: PostgresPool,
  consumerName: string,
  most = 1_000,
): Promise<readonly PostgresGap[]> {
  const { rows } = await ask(pool, operatorLimits(), listText, [consumerName, most]);
  return rows.map(({ aggregate, stream, sequence, since, waiting }) => ({
    consumerName,
    stream: streamText(String(aggregate), String(stream)),
    sequence: String(sequence),
    waiting: String(waiting),
    since: new Date(Number(since) * 1000).toISOString(),
  }));
}
