import { InvalidProps } from '../guarantees/invalid-props.js';
import type { DebeziumConnectorProps } from './debezium-connector-props.js';
import { debeziumViolations } from './debezium-rules.js';

/** Of a connector that is told no other. */
export const defaultSlot = 'exactly_once';

/**
 * The configuration of a Debezium connector for Postgres, as the sinks of `exactly-once-aws/cdc` need it:
 * transactions' metadata (the ordinal of a change), decimals and times as text, no TRUNCATE, no offset that follows a
 * slot which is ahead, and exactly-once support of the source.
 *
 * A {@link ConnectService} runs it. For a worker of your own: put `config` to it under `name`; it is to be started as
 * {@link ConnectWorker} says.
 *
 * @see https://debezium.io/documentation/reference/stable/connectors/postgresql.html
 */
export class DebeziumConnector {
  /** In Connect: its offsets are found by it, and by the prefix of its topics, which is the same. */
  public readonly name: string;
  /** As Connect's REST API takes it. */
  public readonly config: { [key: string]: string };

  /** @throws InvalidProps for a version that can lose rows, and for what contradicts */
  constructor(props: DebeziumConnectorProps) {
    const violations = debeziumViolations(props);
    if (violations.length > 0) throw new InvalidProps('DebeziumConnector', props.topicPrefix, violations);
    const { slotName = defaultSlot, databasePort = 5432, slotFailover = false } = props;
    const { topicPartitions = 1, topicReplicationFactor = 3 } = props;
    this.name = props.topicPrefix;
    const converter = 'org.apache.kafka.connect.json.JsonConverter';
    this.config = {
      'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
      'tasks.max': '1',
      'exactly.once.support': 'required',
      // Connect commits a transaction for each batch that the connector hands over.
      'transaction.boundary': 'poll',
      'plugin.name': 'pgoutput',
      'topic.prefix': props.topicPrefix,
      'table.include.list': props.tables.map((table) => table.replaceAll('.', '\\.')).join(','),
      'database.hostname': props.databaseHost,
      'database.port': String(databasePort),
      'database.dbname': props.databaseName,
      'database.user': props.databaseUser,
      'database.password': props.databasePassword,
      'slot.name': slotName,
      'slot.failover': String(slotFailover),
      'publication.name': slotName,
      'publication.autocreate.mode': 'filtered',
      // A slot that is ahead of the offset has lost what lies between: fail, and take a new snapshot.
      'offset.mismatch.strategy': 'trust_offset',
      'provide.transaction.metadata': 'true',
      'decimal.handling.mode': 'string',
      'time.precision.mode': 'isostring',
      // In JSON that is base64. As `base64` a large value that an update leaves as it was would come as null.
      'binary.handling.mode': 'bytes',
      // As numbers months have 30.4 days, and Postgres takes microseconds for seconds.
      'interval.handling.mode': 'string',
      'tombstones.on.delete': 'true',
      'skipped.operations': 't',
      // Moves the slot on while the tables are quiet: WAL is kept from where it stands.
      'heartbeat.interval.ms': '10000',
      // Brokers need not make topics by themselves.
      'topic.creation.default.partitions': String(topicPartitions),
      'topic.creation.default.replication.factor': String(topicReplicationFactor),
      'snapshot.mode': 'initial',
      'errors.tolerance': 'none',
      'key.converter': converter,
      'key.converter.schemas.enable': 'false',
      'value.converter': converter,
      'value.converter.schemas.enable': 'false',
    };
  }
}
