import { DynamoDBClient, paginateListTables } from '@aws-sdk/client-dynamodb';
import { paginateListBuckets, S3Client } from '@aws-sdk/client-s3';
import { paginateListQueues, SQSClient } from '@aws-sdk/client-sqs';
import { AccountError } from './account-error.js';
import { awsCall, type AwsAnswer, type AwsCaller } from './aws-call.js';

/** A resource that outlives its stack, and the command that removes it for good. */
export interface Leftover {
  readonly kind: 'table' | 'queue' | 'log group' | 'bucket';
  readonly name: string;
  readonly removal: string;
}

/**
 * Tables, queues, log groups and buckets that have names as CloudFormation gives them in a stack: of a deleted stack,
 * what it retained. Those of another stack whose name only begins alike are not among them.
 *
 * @throws AccountError when AWS does not let them be listed
 */
export async function leftovers(caller: AwsCaller, stack: string): Promise<Leftover[]> {
  const prefix = `${stack}-`;
  const found: Leftover[] = [];
  const dynamo = new DynamoDBClient({ ...caller });
  for await (const { TableNames = [] } of paginateListTables({ client: dynamo }, {}))
    for (const name of TableNames.filter((table) => isOf(stack, table)))
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
    for (const url of QueueUrls.filter((one) => isOf(stack, nameIn(one))))
      found.push({
        kind: 'queue',
        name: nameIn(url),
        removal: `aws sqs delete-queue --queue-url ${url}`,
      });
  for (const name of (await logGroups(caller, prefix)).filter((group) => isOf(stack, group)))
    found.push({ kind: 'log group', name, removal: `aws logs delete-log-group --log-group-name ${name}` });
  const s3 = new S3Client({ ...caller, forcePathStyle: caller.endpoint !== undefined });
  for await (const { Buckets = [] } of paginateListBuckets({ client: s3 }, {}))
    for (const { Name: name = '', BucketRegion: region = caller.region } of Buckets)
      if (region === caller.region && isOf(stack.toLowerCase(), name))
        found.push({ kind: 'bucket', name, removal: `aws s3 rb --force s3://${name}` });
  return found;
}

/**
 * CloudFormation names a resource by stack, logical id and a random part. Of a stack named `Shop-eu`, the names begin
 * like those of `Shop`, but have more parts.
 */
function isOf(stack: string, name: string): boolean {
  return name.startsWith(`${stack}-`) && name.slice(stack.length + 1).split('-').length <= 2;
}

function nameIn(queueUrl: string): string {
  return queueUrl.slice(queueUrl.lastIndexOf('/') + 1);
}

/**
 * Whether a stack is deployed, in whatever state.
 *
 * @throws AccountError when AWS does not say
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export async function isDeployed(caller: AwsCaller, stack: string): Promise<boolean> {
  const answer = await awsCall(
    caller,
    'cloudformation',
    { 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({ Action: 'DescribeStacks', Version: '2010-05-15', StackName: stack }).toString(),
  );
  if (answer.status === 200) return true;
  // Throttling is a 400, too, and no reason to offer commands that delete what a stack still uses.
  if (answer.status === 400 && /does not exist/.test(answer.body)) return false;
  throw refusal('cloudformation', answer);
}

/** 50 to a page. @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html */
async function logGroups(caller: AwsCaller, logGroupNamePrefix: string): Promise<string[]> {
  const names: string[] = [];
  let nextToken: string | undefined;
  do {
    const answer = await awsCall(
      caller,
      'logs',
      { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.DescribeLogGroups' },
      JSON.stringify({ logGroupNamePrefix, nextToken }),
    );
    if (answer.status !== 200) throw refusal('logs', answer);
    const page = JSON.parse(answer.body) as { logGroups?: { logGroupName: string }[]; nextToken?: string };
    names.push(...(page.logGroups ?? []).map(({ logGroupName }) => logGroupName));
    ({ nextToken } = page);
  } while (nextToken !== undefined);
  return names;
}

function refusal(service: string, { status, body }: AwsAnswer): AccountError {
  return new AccountError(`${service} answers ${status}: ${body.trim().slice(0, 300)}`);
}
