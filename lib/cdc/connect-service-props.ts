import type { Size } from 'aws-cdk-lib';
import type { SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerImage, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IClusterRef } from 'aws-cdk-lib/aws-msk';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';

export interface ConnectServiceProps {
  /** Where its tasks run. */
  readonly cluster: ICluster;
  /** Java, the jars, and a program that calls `runConnectWorker` of exactly-once-aws/cdc/connect. */
  readonly image: ContainerImage;
  /** The MSK cluster, provisioned, with IAM for clients. */
  readonly kafkaCluster: IClusterRef;
  /** Its brokers for clients with IAM: `host:9098,host:9098`. */
  readonly bootstrapServers: string;
  /** Workers of one group share their connectors. Connect's own topics are named after it: it never changes. */
  readonly groupId: string;

  /** Of the jars in the image, such as `3.7.0.Final`. */
  readonly debeziumVersion: string;
  /** Before the names of all topics, and the name of the connector. Offsets are found by it: it never changes. */
  readonly topicPrefix: string;
  /** With their schemas, such as `public.payments`. */
  readonly tables: string[];
  readonly databaseHost: string;
  /** @default 5432 */
  readonly databasePort?: number;
  readonly databaseName: string;
  /**
   * With the fields `username` and `password` of a role with REPLICATION, as RDS and Secrets Manager make them. Read
   * when a task starts: a worker that is let in no more ends, and the next one reads the secret again.
   */
  readonly databaseSecret: ISecret;

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
   * It is told when the database keeps more of its log than this for the slot.
   *
   * @default Size.gibibytes(10)
   */
  readonly maxSlotLag?: Size;

  /**
   * Of topics that Connect makes. Rows of one key are in one partition.
   *
   * @default 1
   */
  readonly topicPartitions?: number;

  /**
   * Of all topics that Connect makes.
   *
   * @default 3
   */
  readonly replicationFactor?: number;

  /**
   * Tasks. The connector has one task, which runs in one of them: the others take over.
   *
   * @default 2
   */
  readonly workers?: number;

  /** @default 1024 */
  readonly cpu?: number;

  /** @default 2048 */
  readonly memoryLimitMiB?: number;

  /**
   * Key of yours for the logs.
   *
   * @default - keys that CloudWatch Logs manages
   */
  readonly encryptionKey?: IKey;

  /** @default - private ones with a way out */
  readonly vpcSubnets?: SubnetSelection;
}
