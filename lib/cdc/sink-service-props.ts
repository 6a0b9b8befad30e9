import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerImage, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IClusterRef } from 'aws-cdk-lib/aws-msk';

export interface SinkServiceProps {
  /** Names the sink: where it stands is found by it. It never changes. */
  readonly sinkName: string;
  readonly cluster: ICluster;
  /** Its program calls `runSink`, and stops when it is sent SIGTERM. */
  readonly image: ContainerImage;

  /**
   * The MSK cluster that it reads, with IAM for clients.
   *
   * @default - none: the program knows its brokers, and is let in otherwise
   */
  readonly kafkaCluster?: IClusterRef;

  /**
   * Its brokers for clients with IAM: `host:9098,host:9098`. With `kafkaCluster`.
   *
   * @default - none
   */
  readonly bootstrapServers?: string;

  /**
   * What it reads. With `kafkaCluster`.
   *
   * @default - none
   */
  readonly topics?: string[];

  /**
   * Gets records that can never be written, by `kafkaDeadLetters`. With `kafkaCluster`; it must exist.
   *
   * @default - none
   */
  readonly deadLetterTopic?: string;

  /**
   * Environment variables of the program, beside `EXACTLY_ONCE_SINK`, the name.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * Tasks. Two may run on the same partitions, as in each deployment: the sink moves by compare-and-set.
   *
   * @default 1
   */
  readonly desiredCount?: number;

  /** @default 512 */
  readonly cpu?: number;

  /** @default 1024 */
  readonly memoryLimitMiB?: number;

  /**
   * Key of yours for the logs.
   *
   * @default - keys that CloudWatch Logs manages
   */
  readonly encryptionKey?: IKey;

  /** @default - private ones with a way out */
  readonly vpcSubnets?: SubnetSelection;

  /** @default - a new one that lets everything out */
  readonly securityGroups?: ISecurityGroup[];
}
