/** Properties whose change makes CloudFormation replace a resource that holds messages or data. */
interface StatefulType {
  readonly replacedBy: readonly string[];
  readonly holds: string;
  readonly page: string;
}

const reference = 'https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference';

/**
 * The types whose replacement loses what a guarantee rests on: messages, receipts, positions, events. With the
 * properties of which the CDK CLI's own database says that they cause a replacement, as `cdk diff` shows it.
 */
export const statefulTypes: Readonly<Record<string, StatefulType>> = {
  'AWS::SQS::Queue': {
    replacedBy: ['QueueName', 'FifoQueue'],
    holds: 'messages',
    page: `${reference}/aws-resource-sqs-queue.html`,
  },
  'AWS::DynamoDB::Table': {
    replacedBy: ['TableName', 'KeySchema', 'ImportSourceSpecification'],
    holds: 'receipts and positions',
    page: `${reference}/aws-resource-dynamodb-table.html`,
  },
  'AWS::DynamoDB::GlobalTable': {
    replacedBy: ['TableName', 'KeySchema', 'LocalSecondaryIndexes'],
    holds: 'receipts and positions',
    page: `${reference}/aws-resource-dynamodb-globaltable.html`,
  },
  'AWS::Kinesis::Stream': {
    replacedBy: ['Name'],
    holds: 'records',
    page: `${reference}/aws-resource-kinesis-stream.html`,
  },
  'AWS::S3::Bucket': {
    replacedBy: ['BucketName', 'BucketNamePrefix', 'BucketNamespace', 'ObjectLockEnabled'],
    holds: 'bodies and discarded records',
    page: `${reference}/aws-resource-s3-bucket.html`,
  },
};

/**
 * The types of attributes are in a list that holds those of indexes, too, so only a change at a key of the table
 * itself replaces it.
 */
export const keyTypes = 'AttributeDefinitions';
