import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { MskPermissions } from '../kafka/msk-permissions.js';
import type { ConnectServiceProps } from './connect-service-props.js';

type Captured = Pick<ConnectServiceProps, 'kafkaCluster' | 'groupId' | 'topicPrefix'>;

/**
 * What workers with exactly-once source support and one connector of Debezium need of MSK, and nothing else.
 *
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-618%3A+Exactly-Once+Support+for+Source+Connectors
 */
export function connectStatements({ kafkaCluster, groupId, topicPrefix }: Captured): PolicyStatement[] {
  const msk = new MskPermissions(kafkaCluster);
  const own = ['configs', 'offsets', 'status'].map((name) => `${groupId}-${name}`);
  const written = [`${topicPrefix}.*`, `__debezium-heartbeat.${topicPrefix}`];
  return [
    msk.onCluster('WriteDataIdempotently'),
    ...msk.on(
      'topic',
      own,
      'CreateTopic',
      'DescribeTopic',
      // Whether it is compacted.
      'DescribeTopicDynamicConfiguration',
      'ReadData',
      'WriteData',
    ),
    ...msk.on('topic', written, 'CreateTopic', 'DescribeTopic', 'WriteData'),
    ...msk.on('group', [groupId], 'AlterGroup', 'DescribeGroup'),
    // Of the leader of the workers, and of the tasks of the connector.
    ...msk.on(
      'transactional-id',
      [`connect-cluster-${groupId}`, `${groupId}-${topicPrefix}-*`],
      'AlterTransactionalId',
      'DescribeTransactionalId',
    ),
  ];
}
