import { Token } from 'aws-cdk-lib';
import type { Violation } from '../guarantees/invalid-props.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { ConnectServiceProps } from './connect-service-props.js';

const mostWorkers = 10;

/** What is wrong with the props of the workers; those of the connector are judged by `debeziumViolations`. */
export function connectServiceViolations({ groupId, workers = 2 }: ConnectServiceProps): Violation[] {
  const violations = nameViolations(
    'group-id',
    'groupId',
    groupId,
    'the topics with its offsets are found by it',
  );
  if (!Token.isUnresolved(workers) && !(Number.isInteger(workers) && 1 <= workers && workers <= mostWorkers))
    violations.push({
      id: 'workers-in-range',
      given: `workers is ${workers}`,
      allowed: `a whole number from 1 to ${mostWorkers}`,
      change: 'change `workers`: two are enough, since the connector has one task',
    });
  return violations;
}
