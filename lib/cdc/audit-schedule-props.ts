import type { Duration } from 'aws-cdk-lib';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { HandlerFunctionResources } from '../consumer/handler-function.js';

export interface AuditScheduleProps extends HandlerFunctionResources {
  /** Names the audit in metrics and alarms. */
  readonly auditName: string;

  /** Absolute path of the file whose `handler` is made by `scheduledAudit` of `exactly-once-aws/cdc`. */
  readonly entry: string;

  /**
   * Between two audits: whole minutes, from `timeout` to a day.
   *
   * @default Duration.days(1)
   */
  readonly every?: Duration;

  /**
   * Longest run of one audit, its pauses between two looks included. An audit reads both sides whole in each look,
   * and twice where they differ: what takes longer than Lambda allows is to be audited in parts, or by the command
   * line in a task.
   *
   * @default Duration.minutes(15), which is the most
   */
  readonly timeout?: Duration;

  /**
   * Secret of a role that may read the source. The function may read it, and is told its ARN in
   * `EXACTLY_ONCE_DATABASE_SECRET`.
   *
   * @default - none
   */
  readonly secret?: ISecret;
}
