import type { Duration } from 'aws-cdk-lib';
import type { HandlerFunctionResources } from '../consumer/handler-function.js';
import type { PostgresOutboxProps } from './postgres-outbox-props.js';

export interface PostgresRelayProps extends PostgresOutboxProps, HandlerFunctionResources {
  /** Absolute path of the file whose `handler` is what `scheduledRelay` of the runtime made. */
  readonly entry: string;

  /**
   * How often it runs, in whole minutes: how late an event is at most while nothing fails.
   *
   * @default Duration.minutes(1)
   */
  readonly interval?: Duration;

  /**
   * Longest run, at most 15 minutes. Two runs that overlap share the work.
   *
   * @default - the interval, and at least a minute
   */
  readonly timeout?: Duration;

  /**
   * Age of an unsent event from which on the alarm goes off.
   *
   * @default Duration.minutes(10)
   */
  readonly alarmAfter?: Duration;
}
