import { Duration } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { atLeast, wholeBetween, type Inequality } from '../guarantees/inequality.js';
import type { Violation } from '../guarantees/invalid-props.js';
import { nameIsItsOwn } from '../guarantees/own-name.js';
import { environmentViolations } from '../guarantees/reserved-environment.js';
import { nameViolations } from '../guarantees/stable-name.js';
import type { WebhookSenderProps } from './webhook-sender-props.js';

export interface SenderValues {
  readonly senderName: string;
  readonly shards: number;
  readonly maxWorkers: number;
  readonly retention: Duration;
  readonly workerTimeout: Duration;
  readonly table: IConstruct;
  /** Another construct that has the name on the table. */
  readonly namesake: IConstruct | undefined;
}

/** About how long the default schedule goes on, with room for pauses of the breaker. */
const longestSchedule = Duration.days(7);

export function senderInequalities(values: SenderValues): Inequality[] {
  const { senderName, shards, maxWorkers, retention, workerTimeout, table, namesake } = values;
  return [
    atLeast(
      {
        id: 'webhook-retention-covers-schedule',
        prevents: 'a delivery expires before its last attempt (lost)',
        change: 'raise `retention`',
      },
      { name: 'retention', value: retention },
      { name: 'longest schedule', value: longestSchedule },
    ),
    atLeast(
      {
        id: 'webhook-worker-has-time',
        prevents: 'a worker has no time left to begin an attempt that it can wait for',
        change: 'raise `workerTimeout`',
      },
      { name: 'workerTimeout', value: workerTimeout },
      { name: 'an attempt of 30 s, and what is written down of it', value: Duration.minutes(1) },
    ),
    wholeBetween(
      {
        id: 'webhook-shards',
        prevents: 'endpoints that no worker looks for (lost)',
        change: 'choose `shards` within the range',
      },
      { name: 'shards', value: shards },
      1,
      256,
    ),
    wholeBetween(
      {
        id: 'webhook-workers',
        prevents: 'a mapping that Lambda refuses',
        change: 'choose `maxWorkers` within the range',
      },
      { name: 'maxWorkers', value: maxWorkers },
      2,
      1_000,
    ),
    nameIsItsOwn(
      {
        id: 'sender-name-unique',
        prevents: 'one of the two takes the receipts of the other for its own (lost)',
        change: 'give each sender, API and consumer its own name, or its own `dedupTable`',
      },
      { prop: 'senderName', name: senderName },
      table,
      namesake,
    ),
  ].filter((inequality) => inequality !== undefined);
}

/** What is wrong with the props by themselves. */
export function senderViolations({ senderName, environment = {} }: WebhookSenderProps): Violation[] {
  return [
    ...nameViolations('sender-name-stable', 'senderName', senderName, 'receipts are found by it'),
    ...environmentViolations(environment),
  ];
}
