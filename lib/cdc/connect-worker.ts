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
   * Whether the worker, and the clients that it makes for connectors, sign in with IAM, by the jar of
   * `software.amazon.msk:aws-msk-iam-auth`.
   *
   * @default false
   */
  readonly mskIam?: boolean;

  /**
   * Further settings.
   *
   * @default - none
   */
  readonly settings?: { [key: string]: string };
}

/** Of the variables of a worker, those that a connector may refer to: its database's, and no others. */
const readable = 'EXACTLY_ONCE_DATABASE_[A-Z]+';

const iam: { [key: string]: string } = {
  'security.protocol': 'SASL_SSL',
  'sasl.mechanism': 'AWS_MSK_IAM',
  'sasl.jaas.config': 'software.amazon.msk.auth.iam.IAMLoginModule required;',
  'sasl.client.callback.handler.class': 'software.amazon.msk.auth.iam.IAMClientCallbackHandler',
};

/** For the worker itself, and for each client that it makes for a connector. */
function iamSettings(): { [key: string]: string } {
  return Object.fromEntries(
    ['', 'producer.', 'consumer.', 'admin.'].flatMap((prefix) =>
      Object.entries(iam).map(([name, value]) => [`${prefix}${name}`, value]),
    ),
  );
}

/**
 * The configuration of a worker of Kafka Connect in which a source is exactly-once: distributed, with transactions
 * that a dead worker's successor need not wait a minute for. Secrets are variables of its process:
 * `${env:EXACTLY_ONCE_DATABASE_PASSWORD}`. Connect does not start a task again that has failed: `runConnectWorker` of
 * `exactly-once-aws/cdc/connect` does. A standalone worker is at-least-once, and so is MSK Connect as far as is
 * known: it does not let these be set.
 *
 * @see https://kafka.apache.org/documentation/#connect_exactlyonce
 */
export class ConnectWorker {
  public readonly config: { [key: string]: string };

  constructor(props: ConnectWorkerProps) {
    const { bootstrapServers, groupId, replicationFactor = 3, mskIam = false, settings = {} } = props;
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
      'config.providers': 'env',
      'config.providers.env.class': 'org.apache.kafka.common.config.provider.EnvVarConfigProvider',
      // Who reaches the REST API could else have any variable written into a topic.
      'config.providers.env.param.allowlist.pattern': readable,
      // A dead worker's transaction holds readers back for so long; one that runs out while a broker is replaced
      // (9 s until it is taken for dead) fails its task, which Connect does not start again.
      'producer.transaction.timeout.ms': '20000',
      'session.timeout.ms': '3000',
      'heartbeat.interval.ms': '1000',
      'scheduled.rebalance.max.delay.ms': '0',
      ...(mskIam && iamSettings()),
      ...settings,
    };
  }
}
