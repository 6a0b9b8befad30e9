import { DebeziumConnector } from '../../lib/cdc/debezium-connector.js';
import type { startPostgres } from '../../targets/postgres/index.js';

/** Of `payments` in a Postgres of this machine, with one broker; its worker has the environment of this process. */
export function localConnector(
  postgres: Awaited<ReturnType<typeof startPostgres>>,
  debeziumVersion = '3.7.0.Final',
): DebeziumConnector {
  process.env.EXACTLY_ONCE_DATABASE_PASSWORD = 'anything: the server trusts the loopback interface';
  return new DebeziumConnector({
    debeziumVersion,
    topicPrefix: 'shop',
    tables: ['public.payments'],
    databaseHost: postgres.host,
    databasePort: postgres.port,
    databaseName: 'postgres',
    databaseUser: 'postgres',
    databasePassword: '${env:EXACTLY_ONCE_DATABASE_PASSWORD}',
    topicReplicationFactor: 1,
  });
}
