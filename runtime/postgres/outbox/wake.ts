import type { RunningRelay } from './polling-relay.js';
import { outboxNames } from './names.js';

/** A connected `Client` of `pg` of its own, not from a pool and not through RDS Proxy, which LISTEN would pin. */
export interface ListeningClient {
  query(text: string): Promise<unknown>;
  on(event: 'notification', listener: () => void): unknown;
}

/**
 * Wakes a relay when something was published, instead of after `pollMs`. Needs `notified` to be true in
 * `outbox_control`: each publishing transaction then notifies at its commit, which Postgres does one after the other.
 * The relay goes on polling: a notification that is missed costs a pause and no event.
 *
 * @see https://www.postgresql.org/docs/current/sql-notify.html
 */
export async function listen(
  client: ListeningClient,
  relay: Pick<RunningRelay, 'wake'>,
  schema?: string,
): Promise<void> {
  client.on('notification', () => relay.wake());
  await client.query(`LISTEN ${outboxNames(schema).channel}`);
}
