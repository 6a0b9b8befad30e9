import type { ISecurityGroup, SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import type { ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { PostgresOutboxProps } from './postgres-outbox-props.js';

/** What the relays are told that stay running, on Fargate. */
export interface PostgresRelayServiceProps extends PostgresOutboxProps {
  readonly cluster: ICluster;

  /** @default 256 */
  readonly cpu?: number;

  /** @default 512 */
  readonly memoryLimitMiB?: number;

  /**
   * Environment variables of the program.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

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
