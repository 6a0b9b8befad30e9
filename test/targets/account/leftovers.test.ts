import { randomUUID } from 'node:crypto';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import { awsCall } from '../../../targets/account/aws-call.js';
import { isDeployed, leftovers } from '../../../targets/account/leftovers.js';
import { dynamo } from '../../fixtures/dynamo.js';
import { embedded } from '../../fixtures/embedded.js';
import { sqs } from '../../fixtures/queue.js';

const { client } = embedded();

test('what a stack left behind is found by its name, each with the command that removes it', async () => {
  const stack = `Left${randomUUID().slice(0, 8)}`;
  for (const name of [`${stack}-Accounts1`, `${stack}2-Other`])
    await dynamo().send(
      new CreateTableCommand({
        TableName: name,
        BillingMode: 'PAY_PER_REQUEST',
        KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      }),
    );
  await sqs().send(new CreateQueueCommand({ QueueName: `${stack}-Dead2` }));
  await awsCall(
    client,
    'logs',
    { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'Logs_20140328.CreateLogGroup' },
    JSON.stringify({ logGroupName: `${stack}-Logs3` }),
  );
  const found = await leftovers(client, stack);
  expect(found.map(({ kind, name }) => [kind, name])).toEqual([
    ['table', `${stack}-Accounts1`],
    ['queue', `${stack}-Dead2`],
    ['log group', `${stack}-Logs3`],
  ]);
  expect(found.map(({ removal }) => removal)).toEqual([
    expect.stringMatching(
      /--no-deletion-protection-enabled && .* && aws dynamodb delete-table --table-name /,
    ),
    expect.stringMatching(/^aws sqs delete-queue --queue-url http.*-Dead2$/),
    `aws logs delete-log-group --log-group-name ${stack}-Logs3`,
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
