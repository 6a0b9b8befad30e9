import { GetQueueUrlCommand, QueueDoesNotExist, SQSClient } from '@aws-sdk/client-sqs';
import { join } from 'node:path';
import { DeployError, deployStack, destroyStack } from '../../targets/deploy.js';
import { startEmbedded } from '../../targets/embedded/index.js';
import type { Target } from '../../targets/target.js';

const app = `tsx ${join(__dirname, 'kit', 'deployed-app.ts')}`;
// Four runs of the CDK CLI, seconds each even on an idle machine.
jest.setTimeout(240_000);

// Of its own: two bootstraps of one account at a time would get in each other's way.
let target: Target;
beforeAll(async () => {
  target = await startEmbedded();
});
afterAll(() => target.stop());

test('a stack is deployed with its context, prints its outputs, and is destroyed', async () => {
  const lines: string[] = [];
  const options = {
    app,
    stack: 'Deployed',
    context: { queueName: 'deployed-queue' },
    log: (line: string) => lines.push(line),
  };
  const outputs = await deployStack(target, options);
  const sqs = new SQSClient(target.client);
  const find = () => sqs.send(new GetQueueUrlCommand({ QueueName: 'deployed-queue' }));
  expect(Object.keys(outputs)).toEqual(['QueueUrl']);
  expect(outputs['QueueUrl']).toContain('/deployed-queue');
  expect((await find()).QueueUrl).toContain('/deployed-queue');
  expect(lines.map((line) => line.split(':')[0]).sort()).toEqual([
    'bootstrap of 000000000000',
    'deploy of Deployed',
    'synth',
  ]);

  await destroyStack(target, options);
  await expect(find()).rejects.toThrow(QueueDoesNotExist);
  sqs.destroy();
});

test('a failed step is named and carries the end of its output', async () => {
  const failure: unknown = await deployStack(target, { app, stack: 'Deployed' }).catch(
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(DeployError);
  expect((failure as DeployError).step).toBe('synth');
  expect((failure as DeployError).message).toContain('the app needs a queueName');
});
