export interface ConnectWorkerProps {
  /** Such as `b-1.shop.kafka.eu-central-1.amazonaws.com:9098,…`. */
  readonly bootstrapServers: string;
  /** Workers of one group share their connectors. */
  readonly groupId: string;

  /**
   * Of the topics in which workers keep configurations, offsets and states.
   *
   * @default 3
   */
  readonly replicationFactor?: number;

  /**
   * Further settings, such as those of IAM.
   *
   * @default - none
   */
  readonly settings?: { [key: string]: string };
}

/**
 * The configuration of a worker of Kafka Connect in which a source is exactly-once: distributed, with transactions
 * that a dead worker's successor need not wait a minute for. Connect does not start a task again that has failed: who
 * runs the worker watches `GET /connectors/<name>/status`, and ends a worker whose task is `FAILED`. A standalone
 * worker is at-least-once, and so is MSK Connect as far as is known: it does not let these be set.
 *
 * @see https://kafka.apache.org/documentation/#connect_exactlyonce
 */
export class ConnectWorker {
  public readonly config: { [key: string]: string };

  constructor(props: ConnectWorkerProps) {
    const { bootstrapServers, groupId, replicationFactor = 3, settings = {} } = props;
    const factor = String(replicationFactor);
    const converter = 'org.apache.kafka.connect.json.JsonConverter';
    this.config = {
      'bootstrap.servers': bootstrapServers,
      'group.id': groupId,
      'exactly.once.source.support': 'enabled',
      'config.storage.topic': `${groupId}-configs`,
      'config.storage.replication.factor': factor,
      'offset.storage.topic': `${groupId}-offsets`,
      'offset.storage.replication.factor': factor,
      'status.storage.topic': `${groupId}-status`,
      'status.storage.replication.factor': factor,
      'key.converter': converter,
      'value.converter': converter,
      'plugin.discovery': 'service_load',
      // A dead worker's transaction holds readers back for so long; one that runs out while a broker is replaced
      // (9 s until it is taken for dead) fails its task, which Connect does not start again.
      'producer.transaction.timeout.ms': '20000',
      'session.timeout.ms': '3000',
      'heartbeat.interval.ms': '1000',
      'scheduled.rebalance.max.delay.ms': '0',
      ...settings,
    };
  }
}
