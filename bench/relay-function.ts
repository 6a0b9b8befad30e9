import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  CreateFunctionCommand,
  DeleteEventSourceMappingCommand,
  DeleteFunctionCommand,
  LambdaClient,
} from '@aws-sdk/client-lambda';
import { startEventSourceRunner } from '../targets/event-source/index.js';
import type { Target } from '../targets/target.js';
import { zip } from '../test/targets/kit/zip.js';
import { bundleInto } from './bundle.js';

const relayEntry = {
  code: `
    import { outboxRelay, relaySettings } from './runtime/outbox/index.js';
    export const handler = outboxRelay(relaySettings(process.env));`,
};

/**
 * Deploys a relay behind the stream of an outbox table as the OutboxRelay construct does, without its sweep, and
 * plays its mapping.
 *
 * @returns what stops and removes it
 */
export async function startRelay(
  target: Target,
  outboxTable: string,
  queueUrl: string,
): Promise<() => Promise<void>> {
  const lambda = new LambdaClient(target.client);
  const dynamodb = new DynamoDBClient(target.client);
  const FunctionName = `bench-relay-${randomUUID()}`;
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName: outboxTable }));
  dynamodb.destroy();
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Role: `arn:aws:iam::${target.account}:role/bench`,
      Timeout: 30,
      Environment: {
        Variables: {
          EXACTLY_ONCE_OUTBOX_TABLE: outboxTable,
          EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS: '604800',
          EXACTLY_ONCE_OUTBOX_GRACE_SECONDS: '60',
          EXACTLY_ONCE_OUTBOX_TARGETS: JSON.stringify([{ queueUrl }]),
        },
      },
      Code: { ZipFile: zip(await bundled()) },
    }),
  );
  const { UUID } = await lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName,
      EventSourceArn: Table?.LatestStreamArn,
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BatchSize: 100,
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
      Enabled: false,
    }),
  );
  const runner = await startEventSourceRunner(target, { functionNames: [FunctionName] });
  return async () => {
    await runner.stop();
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
    await lambda.send(new DeleteFunctionCommand({ FunctionName }));
    lambda.destroy();
  };
}

/** The files of the bundle by their names. */
async function bundled(): Promise<Record<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'exactly-once-bench-'));
  try {
    bundleInto(folder, relayEntry);
    const files = await readdir(folder, { recursive: true, withFileTypes: true });
    const texts = files
      .filter((file) => file.isFile())
      .map(async ({ parentPath, name }) => {
        const path = join(parentPath, name);
        return [relative(folder, path), await readFile(path, 'utf8')] as const;
      });
    return Object.fromEntries(await Promise.all(texts));
  } finally {
    await rm(folder, { recursive: true });
  }
}
