import { Stack, Token } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import type { Violation } from './invalid-props.js';

/**
 * A resource of another Region: Lambda polls queues of its own Region only, and handlers are given names, which they
 * look up in theirs. Nothing is said of Regions that are known at deployment only.
 *
 * @param prop what the resource was given as
 * @param arn of the resource
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export function ofAnotherRegion(scope: Construct, prop: string, arn: string): Violation[] {
  const theirs = Token.isUnresolved(arn) ? undefined : arn.split(':')[3];
  const { region: ours } = Stack.of(scope);
  if (theirs === undefined || Token.isUnresolved(ours) || theirs === ours) return [];
  return [
    {
      id: 'one-region',
      given: `\`${prop}\` is in ${theirs}`,
      allowed: `in ${ours}, the Region of the stack`,
      change: `give one of ${ours}, or deploy the stack to ${theirs}`,
    },
  ];
}
