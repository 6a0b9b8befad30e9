import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteFunctionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { startEventSourceRunner } from '../../targets/event-source/index.js';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { typescriptBlocks } from '../docs/markdown.js';
import { dynamo } from '../fixtures/dynamo.js';
import { embedded } from '../fixtures/embedded.js';
import { sqs } from '../fixtures/queue.js';
import { stagePackage, type StagedPackage } from './staged-package.js';

/** Samples of pages, as a reader would copy them into an empty app that has the package from its tarball. */
const run = promisify(execFile);
const target = embedded();
let staged: StagedPackage;

/** The plain CDK CLI. */
function cdk(cwd: string, ...args: string[]) {
  return run(join(binFolder, 'cdk'), [...args, '--no-notices'], {
    cwd,
    env: { ...process.env, ...target.environment, CI: 'true', NO_COLOR: '1' },
    maxBuffer: 16 * 1024 * 1024,
  });
}

beforeAll(async () => {
  const prepared = await Promise.allSettled([
    stagePackage().then((one) => (staged = one)),
    cdk(tmpdir(), 'bootstrap', `aws://${target.account}/${target.region}`),
  ]);
  for (const step of prepared) if (step.status === 'rejected') throw step.reason;
  // What the samples import beside the package and its peers.
  await symlink(join(packageRoot, 'node_modules', 'zod'), join(staged.project, 'node_modules', 'zod'));
}, 180_000);

afterAll(() => staged.remove());

/**
 * Writes the page's named samples into a folder of their own, deploys the stack class, and returns what `outputs`
 * names, an expression over `stack` each.
 */
async function deployed<Name extends string>(
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
  await writeFile(join(folder, 'package.json'), '{ "name": "own-app", "private": true }');
  // CDK looks for it to find the root of a project.
  await writeFile(join(folder, 'package-lock.json'), '{ "lockfileVersion": 3 }');
  await writeFile(join(folder, 'cdk.json'), '{ "app": "tsx app.ts" }');
  const file = join(folder, 'outputs.json');
  await cdk(folder, 'deploy', stack.name, '--require-approval', 'never', '--outputs-file', file);
  const written = JSON.parse(await readFile(file, 'utf8')) as Record<string, Record<Name, string>>;
  const found = written[stack.name];
  if (found === undefined) throw new Error(`no outputs of ${stack.name}`);
  return found;
}

test('README: the payment of the consumer, sent twice, is taken off the account once', async () => {
  const stack = await deployed(
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
