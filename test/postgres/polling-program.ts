import { Pool } from 'pg';
import { postgresRelaySettings, runPollingRelay } from '../../runtime/postgres/outbox/index.js';

/** As the page of the outbox has it, without TLS, and with the address and the pause in variables. */
const connection = { connectionString: process.env.DATABASE_URL };
const pool = new Pool({ ...connection, max: 4, connectionTimeoutMillis: 10_000, query_timeout: 20_000 });
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const running = runPollingRelay({
  ...postgresRelaySettings(process.env),
  ...{ pool, connection, signal: stop.signal },
  pollMs: Number(process.env.POLL_MS),
});
void running.then(async () => pool.end());
