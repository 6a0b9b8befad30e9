export interface DebeziumConnectorProps {
  /** Of the jars in the worker, such as `3.7.0.Final`. */
  readonly debeziumVersion: string;
  /** Before the names of all topics. Offsets are found by it: it never changes. */
  readonly topicPrefix: string;
  /** With their schemas, such as `public.payments`. */
  readonly tables: string[];
  readonly databaseHost: string;

  /** @default 5432 */
  readonly databasePort?: number;

  readonly databaseName: string;
  readonly databaseUser: string;
  /** A reference to a config provider of the worker, such as `${env:EXACTLY_ONCE_DATABASE_PASSWORD}`. */
  readonly databasePassword: string;

  /**
   * Replication slot, and publication.
   *
   * @default exactly_once
   */
  readonly slotName?: string;

  /**
   * Asks Postgres (17 or later) to keep the slot on its standby, too, so that it outlives a failover.
   *
   * @default false
   */
  readonly slotFailover?: boolean;

  /**
   * Of topics that Connect makes. Rows of one key are in one partition; a topic that is there stays as it is.
   *
   * @default 1
   */
  readonly topicPartitions?: number;

  /**
   * Of topics that Connect makes.
   *
   * @default 3
   */
  readonly topicReplicationFactor?: number;
}
