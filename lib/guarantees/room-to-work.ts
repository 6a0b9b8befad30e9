import { Duration } from 'aws-cdk-lib';
import { atLeast, type Inequality } from './inequality.js';

/**
 * The shortest timeout with which a function gets anything done. The runtime begins no message when too little of the
 * invocation is left to commit it, so a shorter one hands its messages back untried, for as long as they live (R22).
 */
const leastTimeout = Duration.seconds(3);

/** Undefined where the timeout is known only at deployment. */
export function roomToWork(
  prop: string,
  timeout: Duration,
  change = `raise \`${prop}\``,
): Inequality | undefined {
  return atLeast(
    {
      id: 'function-has-room',
      prevents: 'no message is begun, all come back until they expire (lost)',
      change,
    },
    { name: prop, value: timeout },
    { name: 'time to handle and commit one message', value: leastTimeout },
  );
}
