import { randomUUID } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { startEventSourceRunner, type Invocation } from '../../targets/event-source/index.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { deployed, stagedWhere, writeProject } from './own-app.js';
import type { StagedPackage } from './staged-package.js';

const target = embedded();
const variants = ['OwnQueue', 'OwnTable', 'OwnFunction', 'AllTheirs'];

let staged: StagedPackage;
let outputs: Record<string, string>;

/** An app elsewhere, with the package from its tarball, its peers, and what `cdk init` would have brought. */
beforeAll(async () => {
  staged = await stagedWhere(async ({ project }) => {
    await cp(join(__dirname, 'copied-app'), project, { recursive: true });
    await writeProject(project, 'node app.cjs');
  });
  outputs = await deployed(staged.project, 'Copied');
}, 480_000);

afterAll(async () => {
  // Their processes would stay for as long as the emulator does.
  const lambda = new LambdaClient(target.client);
  for (const variant of variants)
    await lambda.send(new DeleteFunctionCommand({ FunctionName: outputs[`${variant}FunctionName`] }));
  await staged.remove();
});

function output(name: string): string {
  const value = outputs[name];
  if (value === undefined) throw new Error(`the stack has no output ${name}`);
  return value;
}

test('one message twice, one effect: with a queue, a table, a function of their own, and with all of them imported', async () => {
  const client = sqs();
  const id = randomUUID();
  const send = () =>
    Promise.all(
      variants.map((variant) => {
        const QueueUrl = output(`${variant}QueueUrl`);
        const fifo = QueueUrl.endsWith('.fifo') && {
          MessageGroupId: 'g',
          // What a producer that retries after more than five minutes comes down to.
          MessageDeduplicationId: randomUUID(),
        };
        return client.send(
          new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ id }), ...fifo }),
        );
      }),
    );
  const invocations: Invocation[] = [];
  const runner = await startEventSourceRunner(target, {
    functionNames: variants.map((variant) => output(`${variant}FunctionName`)),
    onInvocation: (invocation) => invocations.push(invocation),
  });
  try {
    await send();
    await runner.idle(200);
    await send();
    await runner.idle(200);
  } finally {
    await runner.stop();
  }
  // Two batches each, none of them failed: the second copy was looked at and acknowledged.
  expect(invocations.map(({ outcome, functionError }) => [outcome, functionError])).toEqual(
    Array.from({ length: 2 * variants.length }, () => ['ok', undefined]),
  );
  const effects = (TableName: string, variant: string) =>
    dynamo()
      .send(new GetItemCommand({ TableName, Key: { variant: { S: variant } }, ConsistentRead: true }))
      .then(({ Item }) => Item?.['effects']?.N);
  const own = output('EffectsTableName');
  expect({
    'own-queue': await effects(own, 'own-queue'),
    'own-table': await effects(own, 'own-table'),
    'own-function': await effects(own, 'own-function'),
    'all-theirs': await effects('their-effects', 'all-theirs'),
  }).toEqual({ 'own-queue': '1', 'own-table': '1', 'own-function': '1', 'all-theirs': '1' });
});

test('what the app cannot know of imported resources is listed beside the assembly', async () => {
  const report = await readFile(join(staged.project, 'cdk.out', 'GUARANTEES.md'), 'utf8');
  const [, theirs = ''] = report.split('## Copied/AllTheirs (IdempotentConsumer)');
  expect(theirs.split('\n## ')[0]).toContain(
    "| function-environment | 'Copied/TheirFunction' has EXACTLY_ONCE_CONSUMER_NAME=all-theirs, EXACTLY_ONCE_DEDUP_TABLE=their-receipts",
  );
  const [, own = ''] = report.split('## Copied/OwnFunction (IdempotentConsumer)');
  expect(own.split('\n## ')[0]).not.toContain('### Unproven');
});
