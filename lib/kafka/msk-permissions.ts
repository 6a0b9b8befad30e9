import { Fn, Stack, Validations } from 'aws-cdk-lib';
import { type IRole, PolicyStatement } from 'aws-cdk-lib/aws-iam';
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

/**
 * Gives a role these statements, and says to cdk-nag why some of their resources are patterns.
 *
 * @param patterns what they stand for, as a sentence
 */
export function allowOnMsk(role: IRole, statements: readonly PolicyStatement[], patterns: string): void {
  for (const statement of statements) {
    role.addToPrincipalPolicy(statement);
    for (const resource of statement.resources.map((arn) => flat(Stack.of(role).resolve(arn))))
      if (resource.endsWith('*'))
        Validations.of(role).acknowledge({
          id: `AwsSolutions-IAM5[Resource::${resource}]`,
          reason: patterns,
        });
  }
}

/** As cdk-nag names a resource whose ARN is known at deployment only. */
function flat(arn: unknown): string {
  if (typeof arn === 'string') return arn;
  const joined = (arn as { readonly 'Fn::Join'?: readonly [delimiter: string, parts: readonly unknown[]] })[
    'Fn::Join'
  ];
  return joined === undefined ? JSON.stringify(arn) : joined[1].map(flat).join(joined[0]);
}

function allow(actions: readonly string[], resources: string[]): PolicyStatement {
  return new PolicyStatement({ actions: actions.map((action) => `kafka-cluster:${action}`), resources });
}
