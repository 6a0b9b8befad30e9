import type { Duration } from 'aws-cdk-lib';
import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ContainerImage, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IClusterRef } from 'aws-cdk-lib/aws-msk';
import type { IDedupTable } from '../dedup/dedup-table-base.js';

export interface KafkaProcessorProps {
  /**
   * The consumer group, and the beginning of the transactional ids. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token;
   * choose it once.
   */
  readonly consumerName: string;
  /** The MSK cluster, provisioned, with IAM for clients. */
  readonly kafkaCluster: IClusterRef;
  /** Its name, by which its metrics are found. */
  readonly kafkaClusterName: string;
  /** Its brokers for clients with IAM: `host:9098,host:9098`. */
  readonly bootstrapServers: string;
  /** What is read. */
  readonly inputTopics: string[];
  /** What handlers send to. */
  readonly outputTopics: string[];
  /**
   * Gets what can never be processed.
   *
   * @default - none: such a record ends the processor, again and again, until the handler is mended
   */
  readonly deadLetterTopic?: string;
  /** Where the slots of the processes are leased. */
  readonly dedupTable: IDedupTable;
  /** Where its tasks run. */
  readonly cluster: ICluster;
  /** A program that runs `kafkaProcessor` of exactly-once-aws/kafka/processor. */
  readonly image: ContainerImage;
  /** Tasks at least. @default 1 */
  readonly minTasks?: number;
  /** Tasks at most: no more than the topic with the most partitions has. @default 4 */
  readonly maxTasks?: number;
  /** Records of lag for which there is one task more. @default 10000 */
  readonly lagPerTask?: number;
  /** It is told when the oldest unread record is older than this. @default Duration.minutes(5) */
  readonly maxLag?: Duration;
  /** Of a task, in units of 1/1024 vCPU. @default 512 */
  readonly cpu?: number;
  /** Of a task. @default 1024 */
  readonly memoryLimitMiB?: number;
  /** Must let tasks reach the brokers on port 9098. @default - a new one */
  readonly securityGroups?: ISecurityGroup[];
  /** @default - private subnets of the cluster's network */
  readonly vpcSubnets?: SubnetSelection;
  /** More variables for the container. @default - none */
  readonly environment?: { [key: string]: string };
  /** Encrypts the log. @default - a key of CloudWatch's own */
  readonly encryptionKey?: IKey;
}
