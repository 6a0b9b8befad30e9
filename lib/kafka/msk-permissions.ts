import { Fn } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnCluster } from 'aws-cdk-lib/aws-msk';
import type { KafkaProcessorProps } from './kafka-processor-props.js';

/**
 * What a transactional processor needs of MSK with IAM, and nothing else. Where one of them is missing the client
 * says something of the connection.
 *
 * @see https://docs.aws.amazon.com/msk/latest/developerguide/kafka-actions.html
 */
export function processorStatements(props: KafkaProcessorProps): PolicyStatement[] {
  const { kafkaCluster, consumerName, inputTopics, outputTopics, deadLetterTopic } = props;
  const clusterArn = CfnCluster.arnForCluster(kafkaCluster);
  // arn:...:cluster/NAME/UUID names its topics arn:...:topic/NAME/UUID/TOPIC.
  const [before, after] = [0, 1].map((part) => Fn.select(part, Fn.split(':cluster/', clusterArn)));
  const within = (kind: string, name: string) => `${before}:${kind}/${after}/${name}`;
  const written = [...outputTopics, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])];
  const allow = (actions: string[], resources: string[]) =>
    new PolicyStatement({ actions: actions.map((action) => `kafka-cluster:${action}`), resources });
  return [
    allow(['Connect', 'DescribeCluster', 'WriteDataIdempotently'], [clusterArn]),
    allow(
      ['DescribeTopic', 'ReadData'],
      inputTopics.map((topic) => within('topic', topic)),
    ),
    ...(written.length === 0
      ? []
      : [
          allow(
            ['DescribeTopic', 'WriteData'],
            written.map((topic) => within('topic', topic)),
          ),
        ]),
    allow(['AlterGroup', 'DescribeGroup'], [within('group', consumerName)]),
    // One per slot: NAME-0, NAME-1, ...
    allow(
      ['AlterTransactionalId', 'DescribeTransactionalId'],
      [within('transactional-id', `${consumerName}-*`)],
    ),
  ];
}
