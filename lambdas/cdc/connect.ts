import { Pool } from 'pg';
import { connectWorkerSettings, runConnectWorker } from '../../runtime/cdc/connect/index.js';

/** A process, not a function: a worker of Kafka Connect, and who looks after its connector. */
const { database, ...settings } = connectWorkerSettings(process.env);
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

const pool = new Pool({
  ...database,
  ssl: true,
  max: 1,
  connectionTimeoutMillis: 5_000,
  query_timeout: 5_000,
});
// The next look says whether the database is back.
pool.on('error', () => undefined);

runConnectWorker({ settings, database: pool, signal: stop.signal }).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    // Another worker takes over; this one begins anew, with the secrets of then.
    process.exit(1);
  },
);
