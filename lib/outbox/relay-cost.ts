import { Duration } from 'aws-cdk-lib';
import { Architecture } from 'aws-cdk-lib/aws-lambda';
import { invocationLine, logLine, type Cost } from '../guarantees/cost.js';
import type { IdleCost } from '../guarantees/guarantee-claims.js';
import { scheduleCost } from '../guarantees/idle-cost.js';
import { isKnown } from '../guarantees/inequality.js';
import type { OutboxRelayProps } from './outbox-relay-props.js';

/** Of a million events. Reads of the stream by Lambda are free; queues are in the cost of their consumers. */
export function relayCost(props: OutboxRelayProps): Cost | undefined {
  const { batchSize = 100, memorySize: memoryMegabytes = 256, architecture } = props;
  if (![batchSize, memoryMegabytes].every(isKnown)) return undefined;
  const arm = (architecture ?? Architecture.ARM_64).name === Architecture.ARM_64.name;
  return {
    per: 'events',
    batchSize,
    lines: [invocationLine({ memoryMegabytes, arm }, batchSize), logLine(batchSize)],
  };
}

/** What its sweeps cost, whether or not there is anything to sweep. */
export function sweepCost({ sweepInterval = Duration.minutes(1) }: OutboxRelayProps): IdleCost[] {
  return isKnown(sweepInterval) ? [scheduleCost('sweeps', sweepInterval.toSeconds())] : [];
}
