import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** A condition as DynamoDB takes it: expression, attribute names, marshalled values. */
export interface Condition {
  readonly expression: string;
  readonly names?: Readonly<Record<string, string>>;
  readonly values?: Readonly<Record<string, AttributeValue>>;
}
