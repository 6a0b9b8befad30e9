import { NotOptedInError } from './errors.js';

/** Set to 1 by a user who has an AWS account in good standing and so may use DynamoDB Local. */
export const optInVariable = 'DYNAMODB_LOCAL';

export function optedIn(environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  return environment[optInVariable] === '1';
}

/** @throws NotOptedInError unless {@link optInVariable} is 1. */
export function assertOptedIn(environment: Readonly<Record<string, string | undefined>> = process.env): void {
  if (optedIn(environment)) return;
  throw new NotOptedInError(
    `${optInVariable} is '${environment[optInVariable] ?? ''}', and must be '1' before DynamoDB Local is fetched or started: ` +
      'its licence asks whoever uses it for an AWS account in good standing ' +
      '(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DynamoDBLocal.html); set it if you have one',
  );
}
