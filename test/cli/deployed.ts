import { randomUUID } from 'node:crypto';
import { CreateFunctionCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { zip } from '../targets/kit/zip.js';

/** A function that is set as a construct sets it. It never runs. @returns its name */
export async function deployed(
  lambda: LambdaClient,
  variables: Record<string, string>,
  prefix = 'f',
): Promise<string> {
  const FunctionName = `${prefix}-${randomUUID()}`;
  await lambda.send(
    new CreateFunctionCommand({
      FunctionName,
      Runtime: 'nodejs24.x',
      Role: 'arn:aws:iam::000000000000:role/any',
      Handler: 'index.handler',
      Code: { ZipFile: zip({ 'index.js': 'exports.handler = () => undefined;' }) },
      Environment: { Variables: variables },
    }),
  );
  return FunctionName;
}

/** The environment of a relay's function. */
export function relayVariables(table: string, queueUrls: readonly string[], retentionSeconds = 3600) {
  return {
    EXACTLY_ONCE_OUTBOX_TABLE: table,
    EXACTLY_ONCE_OUTBOX_RETENTION_SECONDS: String(retentionSeconds),
    EXACTLY_ONCE_OUTBOX_GRACE_SECONDS: '60',
    EXACTLY_ONCE_OUTBOX_TARGETS: JSON.stringify(queueUrls.map((queueUrl) => ({ queueUrl }))),
  };
}
