import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import { awsCall, type AwsCaller } from './aws-call.js';

/** A resource that outlives its stack, and the command that removes it for good. */
export interface Leftover {
  readonly kind: 'table' | 'queue' | 'log group';
  readonly name: string;
  readonly removal: string;
}

/**
 * Tables, queues and log groups whose names begin with that of a stack, as CloudFormation gives them: of a deleted
 * stack, what it retained.
 */
export async function leftovers(caller: AwsCaller, stack: string): Promise<Leftover[]> {
  const prefix = `${stack}-`;
  const found: Leftover[] = [];
  const dynamo = new DynamoDBClient({ ...caller });
  for await (const { TableNames = [] } of paginateListTables({ client: dynamo }, {}))
    for (const name of TableNames.filter((table) => table.startsWith(prefix)))
      found.push({
        kind: 'table',
        name,
        removal:
          `aws dynamodb update-table --table-name ${name} --no-deletion-protection-enabled && ` +
          `aws dynamodb wait table-exists --table-name ${name} && aws dynamodb delete-table --table-name ${name}`,
      });
  const sqs = new SQSClient({ ...caller, useQueueUrlAsEndpoint: false });
  for await (const { QueueUrls = [] } of paginateListQueues(
    { client: sqs },
    { QueueNamePrefix: prefix, MaxResults: 1000 },
  ))
    for (const url of QueueUrls)
      found.push({
        kind: 'queue',
        name: url.slice(url.lastIndexOf('/') + 1),
        removal: `aws sqs delete-queue --queue-url ${url}`,
      });
  for (const name of await logGroups(caller, prefix))
    found.push({ kind: 'log group', name, removal: `aws logs delete-log-group --log-group-name ${name}` });
  return found;
}

/**
 * Whether a stack is deployed, in whatever state.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export async function isDeployed(caller: AwsCaller, stack: string): Promise<boolean> {
  const { status } = await awsCall(
    caller,
    'cloudformation',
    { 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({ Action: 'DescribeStacks', Version: '2010-05-15', StackName: stack }).toString(),
  );
  // A stack that does not exist, or no more, is a ValidationError.
  return status !== 400;
}

/** @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html */
async function logGroups(caller: AwsCaller, logGroupNamePrefix: string): Promise<string[]> {
  const { body } = await awsCall(
    caller,
    'logs',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.DescribeLogGroups' },
    JSON.stringify({ logGroupNamePrefix }),
  );
  const { logGroups = [] } = JSON.parse(body) as { logGroups?: { logGroupName: string }[] };
  return logGroups.map(({ logGroupName }) => logGroupName);
}
