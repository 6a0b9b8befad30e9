import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { dynamoDbLocalJars } from '../../targets/dynamodb-local/download.js';
import {
  DownloadFailedError,
  JavaMissingError,
  MavenMissingError,
  NotOptedInError,
  optedIn,
  startDynamoDbLocal,
} from '../../targets/dynamodb-local/index.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'exactly-once-dynamodb-local-'));
  await mkdir(join(root, 'bin'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A PATH that holds nothing but these programs. */
async function pathWith(programs: Record<string, string>): Promise<NodeJS.ProcessEnv> {
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(root, 'bin', name), `#!/bin/sh\n${script}\n`);
    await chmod(join(root, 'bin', name), 0o755);
  }
  return { PATH: join(root, 'bin'), DYNAMODB_LOCAL: '1' };
}

const java = (version: string) => `echo 'openjdk version "${version}"' >&2`;
const jars = (environment: NodeJS.ProcessEnv) => dynamoDbLocalJars(() => undefined, { environment, root });

test('fails without the word of its user, and fetches nothing', async () => {
  const environment = await pathWith({ java: java('21.0.1'), mvn: 'exit 0' });
  await expect(jars({ ...environment, DYNAMODB_LOCAL: undefined })).rejects.toThrow(NotOptedInError);
  await expect(jars({ ...environment, DYNAMODB_LOCAL: 'yes' })).rejects.toThrow(
    /AWS account in good standing/,
  );
});

test('fails when there is no Java, or one that is too old', async () => {
  await expect(jars(await pathWith({}))).rejects.toThrow(JavaMissingError);
  await expect(jars(await pathWith({ java: java('11.0.2') }))).rejects.toThrow(/needs 17/);
});

test('fails when there is no Maven, or when Maven fails, whose last lines it gives', async () => {
  await expect(jars(await pathWith({ java: java('17.0.15') }))).rejects.toThrow(MavenMissingError);
  const broken = await pathWith({ java: java('17.0.15'), mvn: 'echo "[ERROR] no route to host"; exit 1' });
  await expect(jars(broken)).rejects.toThrow(DownloadFailedError);
  await expect(jars(broken)).rejects.toThrow(/no route to host/);
});

test('what Maven fetched is used again without Maven', async () => {
  const fetched = await jars(await pathWith({ java: java('17.0.15'), mvn: 'exit 0' }));
  expect(fetched.startsWith(join(root, '.local', 'dynamodb-local-'))).toBe(true);
  expect(await jars(await pathWith({ java: java('17.0.15'), mvn: 'exit 1' }))).toBe(fetched);
});

test(`starts and stops (${optedIn() ? 'DYNAMODB_LOCAL is 1' : 'without DYNAMODB_LOCAL=1: refuses to'})`, async () => {
  if (!optedIn()) {
    await expect(startDynamoDbLocal()).rejects.toThrow(NotOptedInError);
    return;
  }
  const local = await startDynamoDbLocal();
  const client = new DynamoDBClient({ ...local.client, maxAttempts: 1 });
  await client.send(
    new CreateTableCommand({
      TableName: 'here',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    }),
  );
  expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(['here']);
  await local.stop();
  await expect(client.send(new ListTablesCommand({}))).rejects.toThrow();
  client.destroy();
});
