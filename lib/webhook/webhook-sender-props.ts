import type { Duration } from 'aws-cdk-lib';
import type { HandlerFunctionOptions } from '../consumer/handler-function-options.js';
import type { IDedupTable } from '../dedup/dedup-table-base.js';
import type { OutboxTable } from '../outbox/outbox-table.js';

/**
 * `vpc`, `vpcSubnets` and `securityGroups` are for the worker, which sends: in private subnets behind a NAT gateway
 * its deliveries have the gateway's fixed address.
 */
export interface WebhookSenderProps extends HandlerFunctionOptions {
  /**
   * Whose receipts they are. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token. Unique among the consumers and APIs of
   * one `dedupTable`. Choose it once (R1).
   */
  readonly senderName: string;

  /** Where the receipts of events and of alerts are kept. */
  readonly dedupTable: IDedupTable;

  /** Absolute path of the file that exports `handler = webhookIntake({ ... })`. */
  readonly intakeEntry: string;

  /** Absolute path of the file that exports `handler = webhookWorker({ ... })`. */
  readonly workerEntry: string;

  /**
   * Events come in the order of their aggregates: the intake's queue is FIFO. For endpoints that are registered as
   * `ordered`. It cannot be changed later.
   *
   * @default false
   */
  readonly ordered?: boolean;

  /**
   * Where the worker publishes what owners of endpoints should know: give it to `webhookWorker` as `outbox`, too.
   *
   * @default - nothing is published
   */
  readonly alerts?: OutboxTable;

  /**
   * Groups of endpoints that are sent to side by side, 1 to 256; each takes about 500 deliveries a second. May be
   * raised; lowered only while no endpoint is registered.
   *
   * @default 8
   */
  readonly shards?: number;

  /**
   * How long events, deliveries and attempts are kept, from 7 days on: longer than any schedule.
   *
   * @default Duration.days(30)
   */
  readonly retention?: Duration;

  /**
   * Workers at a time, 2 to 1,000. The attempts at once are this times `maxInFlight` of `webhookWorker`.
   *
   * @default 4
   */
  readonly maxWorkers?: number;

  /**
   * Longest run of a worker, from 1 to 15 minutes.
   *
   * @default Duration.minutes(2)
   */
  readonly workerTimeout?: Duration;

  /**
   * Memory of the worker in MB.
   *
   * @default 512
   */
  readonly workerMemorySize?: number;

  /**
   * More environment variables of both functions. Names that begin with `EXACTLY_ONCE_` are the construct's.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * Whether DynamoDB refuses to delete the table of endpoints and deliveries.
   *
   * @default true
   */
  readonly deletionProtection?: boolean;

  /**
   * Whether Lambda polls the queues of intake and worker. Off: events wait, and expire after the retention of the
   * channel; nothing is sent.
   *
   * @default true
   */
  readonly enabled?: boolean;
}
