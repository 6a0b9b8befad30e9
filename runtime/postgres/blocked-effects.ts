import { operatorLimits } from '../dedup/operator-limits.js';
import type { PostgresPool } from './client.js';
import { ask } from './entry.js';

/** An effect whose outcome is unknown, or whose result is lost, and that a person has to look at. */
export interface PostgresBlockedEffect {
  /** Id of its lease: effect name and key are in it. */
  readonly id: string;
  readonly reason: string;
  /** ISO 8601. */
  readonly since: string;
  /** What the effect was called with: JSON text. Undefined where it has happened and only its result is lost. */
  readonly args: string | undefined;
}

/** By the index of those that wait. Values: consumer, most. */
const blocked =
  "SELECT id, coalesce(lost, reason, '') AS reason, (extract(epoch FROM since) * 1000)::float8 AS since, args FROM exactly_once.leases WHERE attention = $1 ORDER BY leases.since LIMIT $2";

/**
 * Effects of a consumer that wait for a person, oldest first.
 *
 * @param most how many, at most
 * @throws DependencyFailed when the database does not answer.
 */
export async function listPostgresBlocked(
  pool: PostgresPool,
  consumerName: string,
  most = 1_000,
): Promise<readonly PostgresBlockedEffect[]> {
  const { rows } = await ask(pool, operatorLimits(), blocked, [consumerName, most]);
  return rows.map(({ id, reason, since, args }) => ({
    id: String(id),
    reason: String(reason),
    since: new Date(Number(since)).toISOString(),
    args: typeof args === 'string' ? args : undefined,
  }));
}
