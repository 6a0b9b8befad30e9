import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { MskPermissions } from '../kafka/msk-permissions.js';
import type { SinkServiceProps } from './sink-service-props.js';

/** As `kafkaSource` names the group that its client has to have, and that it never joins. */
const groupId = 'exactly-once-sink';

/** What a sink needs of MSK to read its topics, and to send its dead letters. Nothing without a cluster. */
export function sinkStatements({
  kafkaCluster,
  topics = [],
  deadLetterTopic,
}: SinkServiceProps): PolicyStatement[] {
  if (kafkaCluster === undefined) return [];
  const msk = new MskPermissions(kafkaCluster);
  const letters = deadLetterTopic === undefined ? [] : [deadLetterTopic];
  return [
    msk.onCluster(...letters.map(() => 'WriteDataIdempotently')),
    ...msk.on('topic', topics, 'DescribeTopic', 'ReadData'),
    // The client asks who would coordinate it.
    ...msk.on('group', [groupId], 'DescribeGroup'),
    ...msk.on('topic', letters, 'DescribeTopic', 'WriteData'),
  ];
}
