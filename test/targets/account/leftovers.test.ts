import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { awsCall } from '../../../targets/account/aws-call.js';
import { isDeployed, leftovers } from '../../../targets/account/leftovers.js';
import { dynamo } from '../../fixtures/dynamo.js';
import { embedded } from '../../fixtures/embedded.js';
import { sqs } from '../../fixtures/queue.js';

const { client } = embedded();

const logGroup = (logGroupName: string) =>
  awsCall(
    client,
    'logs',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.CreateLogGroup' },
    JSON.stringify({ logGroupName }),
  );

test('what a stack left behind is found by its name, each with the command that removes it', async () => {
  const stack = `Left${randomUUID().slice(0, 8)}`;
  for (const name of [`${stack}-Accounts1`, `${stack}2-Other`, `${stack}-eu-Accounts1-ABC`])
    await dynamo().send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    );
  await sqs().send(new CreateQueueCommand({ QueueName: `${stack}-Dead2` }));
  await logGroup(`${stack}-Logs3`);
  // A page holds 50.
  for (let count = 0; count < 60; count += 1) await logGroup(`${stack}-eu-Logs-${count}`);
  await logGroup(`${stack}-zLogs4`);
  const bucket = `${stack.toLowerCase()}-discarded5-abc`;
  const s3 = new S3Client({ ...client, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const found = await leftovers(client, stack);
  expect(found.map(({ kind, name }) => [kind, name])).toEqual([
    ['table', `${stack}-Accounts1`],
    ['queue', `${stack}-Dead2`],
    ['log group', `${stack}-Logs3`],
    ['log group', `${stack}-zLogs4`],
    ['bucket', bucket],
  ]);
  expect(found.map(({ removal }) => removal)).toEqual([
    expect.stringMatching(
      /--no-deletion-protection-enabled && .* && aws dynamodb delete-table --table-name /,
    ),
    expect.stringMatching(/^aws sqs delete-queue --queue-url http.*-Dead2$/),
    `aws logs delete-log-group --log-group-name ${stack}-Logs3`,
    `aws logs delete-log-group --log-group-name ${stack}-zLogs4`,
    `aws s3 rb --force s3://${bucket}`,
  ]);
});

test('a stack that is still there is no leftover', async () => {
  const stack = `Deployed${randomUUID().slice(0, 8)}`;
  expect(await isDeployed(client, stack)).toBe(false);
  const template = { Resources: { Queue: { Type: 'AWS::SQS::Queue' } } };
  await awsCall(
    client,
    'cloudformation',
    { 'content-type': 'application/x-www-form-urlencoded' },
    new URLSearchParams({
      Action: 'CreateStack',
      Version: '2010-05-15',
      StackName: stack,
      TemplateBody: JSON.stringify(template),
    }).toString(),
  );
  expect(await isDeployed(client, stack)).toBe(true);
});

test('an answer that does not say whether a stack is there offers nothing for deletion', async () => {
  const throttling = createServer((_, response) =>
    response.writeHead(400).end('<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>'),
  );
  await new Promise<void>((resolve) => throttling.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(throttling.address() as AddressInfo).port}`;
  try {
    await expect(isDeployed({ ...client, endpoint }, 'Shop')).rejects.toThrow('Throttling');
  } finally {
    throttling.close();
  }
});
