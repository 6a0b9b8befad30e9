import { randomUUID } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { startEventSourceRunner } from '../../targets/event-source/index.js';
import { packageRoot } from '../../targets/package-root.js';
import { typescriptBlocks } from '../docs/markdown.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { deployed, stagedWhere, writeProject } from './own-app.js';
import type { StagedPackage } from './staged-package.js';

/** Samples of pages, as a reader would copy them into an empty app that has the package from its tarball. */
const target = embedded();
let staged: StagedPackage;

beforeAll(async () => {
  staged = await stagedWhere(({ project }) =>
    // What the samples import beside the package and its peers.
    symlink(join(packageRoot, 'node_modules', 'zod'), join(project, 'node_modules', 'zod')),
  );
}, 180_000);

afterAll(() => staged.remove());

/**
 * Writes the page's named samples into a folder of their own, deploys the stack class, and returns what `outputs`
 * names, an expression over `stack` each.
 */
async function samplesOf<Name extends string>(
  page: string,
  stack: { readonly file: string; readonly name: string },
  outputs: Readonly<Record<Name, string>>,
): Promise<Record<Name, string>> {
  const folder = join(staged.project, page.replaceAll(/\W/g, '-'));
  await mkdir(folder, { recursive: true });
  for (const { name, code } of typescriptBlocks(page, await readFile(join(packageRoot, page), 'utf8')))
    if (name !== undefined) await writeFile(join(folder, name), code);
  const lines = Object.entries<string>(outputs).map(
    ([name, expression]) => `new CfnOutput(stack, '${name}', { value: ${expression} });`,
  );
  const app = [
    "import { App, CfnOutput } from 'aws-cdk-lib';",
    `import { ${stack.name} } from './${stack.file}';`,
    `const stack = new ${stack.name}(new App(), '${stack.name}');`,
    ...lines,
  ];
  await writeFile(join(folder, 'app.ts'), app.join('\n'));
  await writeProject(folder, 'tsx app.ts');
  return await deployed(folder, stack.name);
}

test('README: the payment of the consumer, sent twice, is taken off the account once', async () => {
  const stack = await samplesOf(
    'README.md',
    { file: 'payments-stack', name: 'PaymentsStack' },
    {
      QueueUrl: 'stack.channel.queue.queueUrl',
      AccountsTable: 'stack.accounts.tableName',
      FunctionName: 'stack.settlement.function.functionName',
    },
  );
  const send = () =>
    sqs().send(
      new SendMessageCommand({
        QueueUrl: stack.QueueUrl,
        MessageBody: JSON.stringify({ paymentId: 'p-1', customer: 'ann', cents: 1250 }),
        MessageGroupId: 'ann',
        MessageDeduplicationId: randomUUID(),
      }),
    );
  const runner = await startEventSourceRunner(target, { functionNames: [stack.FunctionName] });
  try {
    await send();
    await runner.idle(200);
    await send();
    await runner.idle(200);
  } finally {
    await runner.stop();
    await new LambdaClient(target.client).send(
      new DeleteFunctionCommand({ FunctionName: stack.FunctionName }),
    );
  }
  const { Item } = await dynamo().send(
    new GetItemCommand({ TableName: stack.AccountsTable, Key: { customer: { S: 'ann' } } }),
  );
  expect(Item?.balance?.N).toBe('-1250');
}, 120_000);
