import { isIntrinsic, type TemplateResource, type TemplateValue } from './template-resource.js';
import type { Templates } from './templates.js';

/** What Lambda polls, as far as rules tell one from the other. Kafka, MQ and DocumentDB have none here. */
export type SourceKind = 'queue' | 'stream';

const kindOfType: Readonly<Record<string, SourceKind>> = {
  'AWS::SQS::Queue': 'queue',
  'AWS::DynamoDB::Table': 'stream',
  'AWS::DynamoDB::GlobalTable': 'stream',
  'AWS::Kinesis::Stream': 'stream',
  'AWS::Kinesis::StreamConsumer': 'stream',
};

/** Resources that stand for a value, not for what is polled. */
const standIn = /^(Custom::|AWS::CloudFormation::|AWS::SSM::)/;

/**
 * What kind of source a mapping polls: by the resource, else by the text of the ARN, else by what mappings of that
 * kind cannot be without.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
export function sourceKind(mapping: TemplateResource, templates: Templates): SourceKind | undefined {
  const source = mapping.get('EventSourceArn');
  const type = templates.resolve(source, mapping.template)?.type;
  if (type !== undefined && !standIn.test(type)) return kindOfType[type];
  return kindByText(source) ?? (isIntrinsic(source) ? kindByProperties(mapping) : undefined);
}

function kindByText(source: TemplateValue): SourceKind | undefined {
  const [, service] = /:(sqs|dynamodb|kinesis):/.exec(JSON.stringify(source ?? '')) ?? [];
  if (service === undefined) return undefined;
  return service === 'sqs' ? 'queue' : 'stream';
}

/** Streams have to say where to start, as Kafka and DocumentDB have, which say more; queues say nothing of it. */
function kindByProperties(mapping: TemplateResource): SourceKind | undefined {
  if (/:(kafka|mq|rds):/.test(JSON.stringify(mapping.get('EventSourceArn')))) return undefined;
  if (ofOthers.some((name) => mapping.get(name) !== undefined)) return undefined;
  return mapping.get('StartingPosition') === undefined ? 'queue' : 'stream';
}

const ofOthers = [
  'Queues',
  'Topics',
  'SourceAccessConfigurations',
  'SelfManagedEventSource',
  'SelfManagedKafkaEventSourceConfig',
  'AmazonManagedKafkaEventSourceConfig',
  'DocumentDBEventSourceConfig',
];
