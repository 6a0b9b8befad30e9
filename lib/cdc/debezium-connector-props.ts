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
  /** A reference to a config provider of the worker, such as `${secretsManager:shop/debezium:password}`. */
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
}
