import { type IResource, Stack, Token } from 'aws-cdk-lib';
import type { ITable } from 'aws-cdk-lib/aws-dynamodb';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import type { IConstruct } from 'constructs';
import type { Violation } from './invalid-props.js';

/** What is compared of a resource: the ARN where the app only refers to it, else the stack that makes it. */
export interface PlacedResource {
  readonly construct: IResource;
  /** @default - its `env` alone tells where it is */
  readonly arn?: string;
}

type Part = 'account' | 'region';

/** Undefined where it is known at deployment only. */
function placeOf({ construct, arn }: PlacedResource, part: Part): string | undefined {
  // Not all imports by ARN say in their `env` where they are.
  const [, , , region = '', account = ''] =
    arn === undefined || Token.isUnresolved(arn) ? [] : arn.split(':');
  const place = (part === 'region' ? region : account) || construct.env[part];
  return Token.isUnresolved(place) ? undefined : place;
}

function ofAnother(
  part: Part,
  scope: IConstruct,
  what: string,
  resource: PlacedResource,
): Violation | undefined {
  const theirs = placeOf(resource, part);
  const ours = Stack.of(scope)[part];
  if (theirs === undefined || Token.isUnresolved(ours) || theirs === ours) return undefined;
  return {
    id: `one-${part}`,
    given: `${what} is in ${theirs}`,
    allowed: `in ${ours}, the ${part === 'region' ? 'Region' : 'account'} of the stack`,
    change: `give one of ${ours}, or deploy the stack to ${theirs}`,
  };
}

/**
 * A resource of another Region, made there by this app or only referred to: Lambda polls queues of its own Region
 * only, and handlers are given names and addresses, which they look up in theirs. Nothing is said of Regions that are
 * known at deployment only.
 *
 * @param scope of the stack that uses it
 * @param what the resource was given as, such as `` `channel` ``
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export function ofAnotherRegion(scope: IConstruct, what: string, resource: PlacedResource): Violation[] {
  return some(ofAnother('region', scope, what, resource));
}

/** A queue may be another account's, as far as its policy allows it: its address says whose it is. */
export function queueElsewhere(scope: IConstruct, prop: string, queue: IQueue): Violation[] {
  return ofAnotherRegion(scope, `\`${prop}\``, { construct: queue, arn: queue.queueArn });
}

/**
 * A table of another Region or account: the runtime is given its name, which it looks up in its own, and a
 * transaction is of one account and Region.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 */
export function tableElsewhere(scope: IConstruct, prop: string, table: ITable | undefined): Violation[] {
  if (table === undefined) return [];
  const resource = { construct: table, arn: table.tableArn };
  const what = `\`${prop}\``;
  return some(ofAnother('region', scope, what, resource), ofAnother('account', scope, what, resource));
}

function some(...violations: readonly (Violation | undefined)[]): Violation[] {
  return violations.filter((violation) => violation !== undefined);
}
