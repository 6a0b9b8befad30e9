import type { Duration } from 'aws-cdk-lib';
import type { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { PostgresRelayServiceProps } from './postgres-relay-service-props.js';

export interface PostgresPollingRelayProps extends PostgresRelayServiceProps {
  /** Its program runs `runPollingRelay` of the runtime, and lets it end when it is sent SIGTERM. */
  readonly image: ContainerImage;

  /**
   * Tasks, at least one. They share the work: each locks lanes of aggregates for a transaction at a time.
   *
   * @default 2
   */
  readonly desiredCount?: number;

  /**
   * Age of an unsent event from which on the alarm goes off.
   *
   * @default Duration.minutes(10)
   */
  readonly alarmAfter?: Duration;
}
