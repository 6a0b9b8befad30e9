import { Fn } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnCluster, type IClusterRef } from 'aws-cdk-lib/aws-msk';

type Kind = 'topic' | 'group' | 'transactional-id';

/**
 * Statements for one cluster of MSK with IAM. Where a permission is missing the client says something of the
 * connection.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */
export class MskPermissions {
  private readonly clusterArn: string;

  constructor(kafkaCluster: IClusterRef) {
    this.clusterArn = CfnCluster.arnForCluster(kafkaCluster);
  }

  /** On the cluster itself. */
  public onCluster(...actions: string[]): PolicyStatement {
    return allow(['Connect', 'DescribeCluster', ...actions], [this.clusterArn]);
  }

  /** On what these names, or patterns, stand for in the cluster. Nothing for no name. */
  public on(kind: Kind, names: readonly string[], ...actions: string[]): PolicyStatement[] {
    // arn:...:cluster/NAME/UUID names its topics arn:...:topic/NAME/UUID/TOPIC.
    const [before, after] = [0, 1].map((part) => Fn.select(part, Fn.split(':cluster/', this.clusterArn)));
    const resources = names.map((name) => `${before}:${kind}/${after}/${name}`);
    return resources.length === 0 ? [] : [allow(actions, resources)];
  }
}

function allow(actions: readonly string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions: actions.map((action) => `kafka-cluster:${action}`), resources });
}
