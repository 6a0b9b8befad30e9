import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { describeEmbedded } from '../../targets/embedded/index.js';
import { binFolder, packageRoot } from '../../targets/package-root.js';
import { writeProject } from './own-app.js';
import { writePageApp } from './page-app.js';
import { stagePackage, type StagedPackage } from './staged-package.js';

/** `npx exactly-once-aws local`, in an app that has the package from its tarball: README's. */
const run = promisify(execFile);
let staged: StagedPackage;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  staged = await stagePackage();
  const { project } = staged;
  const modules = join(project, 'node_modules');
  await symlink(join(packageRoot, 'node_modules', 'zod'), join(modules, 'zod'));
  await mkdir(join(modules, '.bin'), { recursive: true });
  await symlink(join(binFolder, 'cdk'), join(modules, '.bin', 'cdk'));
  await writePageApp(project, [
    {
      page: 'README.md',
      id: 'Readme',
      file: 'payments-stack',
      stack: 'PaymentsStack',
      outputs: { QueueUrl: 'stack.channel.queue.queueUrl', AccountsTable: 'stack.accounts.tableName' },
    },
  ]);
  await writeProject(project, 'a command that the option replaces');
  // The emulator is installed for this checkout already: a second time would take a minute.
  const cache = join(project, 'cache');
  await mkdir(cache);
  await symlink(join(packageRoot, '.local'), join(cache, 'exactly-once-aws'));
  environment = {
    ...process.env,
    XDG_CACHE_HOME: cache,
    PATH: [binFolder, process.env['PATH'] ?? ''].join(':'),
    NO_COLOR: '1',
  };
}, 480_000);

afterAll(async () => {
  await local('down');
  await staged.remove();
});

const cli = () => join(staged.project, 'node_modules', 'exactly-once-aws', 'dist', 'cjs', 'cli', 'main.js');

async function local(...args: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [cli(), 'local', ...args], {
    cwd: staged.project,
    env: environment,
    maxBuffer: 16 * 1024 * 1024,
  });
  return stdout;
}

async function state(): Promise<{ pid: number; endpoint: string }> {
  return JSON.parse(await readFile(join(staged.project, '.exactly-once', 'local.json'), 'utf8')) as {
    pid: number;
    endpoint: string;
  };
}

async function untilEnded(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(50);
  }
}

test('without `up`, `deploy` says what to do, and `down` has nothing to do', async () => {
  await expect(local('deploy')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining('nothing runs here: npx exactly-once-aws local up') as string,
  });
  expect(await local('down')).toBe('nothing runs here\n');
});

test('an app that is deployed locally takes a payment off once that was sent twice, and ends with `down`', async () => {
  const up = await local('up');
  const { pid, endpoint } = await state();
  expect(up).toContain(`runs on ${endpoint}, process ${pid}`);
  expect(await local('up')).toContain(`runs already on ${endpoint}, process ${pid}`);

  const { played, outputs } = JSON.parse(await local('deploy', '--app', 'tsx app.ts', '--json')) as {
    played: { source: string; functionName: string }[];
    outputs: { Readme: { QueueUrl: string; AccountsTable: string } };
  };
  expect(played).toHaveLength(1);
  const { client } = describeEmbedded(endpoint);
  const sqs = new SQSClient(client);
  const dynamo = new DynamoDBClient(client);
  const send = (paymentId: string, cents: number) =>
    sqs.send(
      new SendMessageCommand({
        QueueUrl: outputs.Readme.QueueUrl,
        MessageBody: JSON.stringify({ paymentId, customer: 'ann', cents }),
        MessageGroupId: 'ann',
        MessageDeduplicationId: `${paymentId} ${Math.random()}`,
      }),
    );
  await send('p-1', 1250);
  await send('p-1', 1250);
  // In the group's order: once it has acted, both before it were looked at.
  await send('p-2', 1);
  let balance: string | undefined;
  for (let tries = 0; tries < 300 && balance?.endsWith('1') !== true; tries += 1) {
    await sleep(100);
    const key = { TableName: outputs.Readme.AccountsTable, Key: { customer: { S: 'ann' } } };
    balance = (await dynamo.send(new GetItemCommand(key))).Item?.balance?.N;
  }
  expect(balance).toBe('-1251');

  expect(await local('down')).toBe(`ended, process ${pid}\n`);
  await expect(fetch(endpoint)).rejects.toThrow('fetch failed');
}, 120_000);

test('what a killed process left is taken for nothing', async () => {
  await local('up');
  const killed = await state();
  process.kill(killed.pid, 'SIGKILL');
  await untilEnded(killed.pid);
  expect(await local('up')).toContain('runs on');
  expect((await state()).pid).not.toBe(killed.pid);
  await local('down');
}, 60_000);

test('Ctrl-C while it starts leaves no process and no state', async () => {
  const child = spawn(process.execPath, [cli(), 'local', 'up'], {
    cwd: staged.project,
    env: environment,
    stdio: 'ignore',
  });
  const exit = once(child, 'exit');
  // It has just started the process that holds the emulator, which takes a second longer.
  while (spawnSync('pgrep', ['-P', String(child.pid)]).status !== 0 && child.exitCode === null)
    await sleep(5);
  child.kill('SIGINT');
  await exit;
  expect(child.exitCode).toBe(2);
  expect(await local('down')).toBe('nothing runs here\n');
}, 60_000);
