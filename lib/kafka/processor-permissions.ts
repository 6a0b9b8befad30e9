import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { KafkaProcessorProps } from './kafka-processor-props.js';
import { MskPermissions } from './msk-permissions.js';

/** What a transactional processor needs of MSK with IAM, and nothing else. */
export function processorStatements(props: KafkaProcessorProps): PolicyStatement[] {
  const { kafkaCluster, consumerName, inputTopics, outputTopics, deadLetterTopic } = props;
  const msk = new MskPermissions(kafkaCluster);
  const written = [...outputTopics, ...(deadLetterTopic === undefined ? [] : [deadLetterTopic])];
  return [
    msk.onCluster('WriteDataIdempotently'),
    ...msk.on('topic', inputTopics, 'DescribeTopic', 'ReadData'),
    ...msk.on('topic', written, 'DescribeTopic', 'WriteData'),
    ...msk.on('group', [consumerName], 'AlterGroup', 'DescribeGroup'),
    // One per slot: NAME-0, NAME-1, ...
    ...msk.on('transactional-id', [`${consumerName}-*`], 'AlterTransactionalId', 'DescribeTransactionalId'),
  ];
}
