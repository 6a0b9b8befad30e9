import type { Duration } from 'aws-cdk-lib';
import type { ContainerImage, ICluster } from 'aws-cdk-lib/aws-ecs';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { BaseFunctionOptions } from '../consumer/handler-function-options.js';
import type { IDedupTable } from '../dedup/dedup-table-base.js';

/** What shapes a function (`runtime`, `vpc`, ...) is for jobs on Lambda: a task has a definition of its own. */
export interface JobQueueProps extends BaseFunctionOptions {
  /**
   * Who does the jobs: every job belongs to this name. 1 to 64 of `A-Z a-z 0-9 _ . -`, never a token; choose it once
   * (R1).
   */
  readonly consumerName: string;

  /**
   * Where jobs and their receipts are kept: in the account and Region of the tables that jobs write.
   *
   * @default - none, with `receiptsInPostgres`
   */
  readonly dedupTable?: IDedupTable;

  /**
   * Jobs, leases and receipts are kept in a Postgres, together with the effects: the handler is of
   * `postgresJobWorker`, who enqueues uses `PostgresJobQueueClient`. How functions and tasks reach the database
   * (`vpc`, `environment`) and sign in is yours, and that nobody else who keeps receipts in it has this
   * `consumerName`.
   *
   * @default false
   */
  readonly receiptsInPostgres?: boolean;

  /**
   * Absolute path of the file that exports `handler = jobWorker(...)`: jobs run on Lambda, for at most 15 minutes.
   * Either this, or `cluster` and `image`.
   *
   * @default - jobs run on Fargate
   */
  readonly entry?: string;

  /**
   * Longest run of one job on Lambda, at most 15 minutes.
   *
   * @default Duration.minutes(15)
   */
  readonly timeout?: Duration;

  /**
   * Memory of the function in MB.
   *
   * @default 256
   */
  readonly memorySize?: number;

  /**
   * Jobs at a time on Lambda, 2 to 1,000.
   *
   * @default - no limit but the account's
   */
  readonly maxConcurrency?: number;

  /**
   * Where jobs run on Fargate, for as long as they like.
   *
   * @default - jobs run on Lambda
   */
  readonly cluster?: ICluster;

  /**
   * Fargate only: an image whose command calls `workOff(handler, ...)` with the same handler that Lambda would call.
   * It is built for the Arm architecture.
   *
   * @default - jobs run on Lambda
   */
  readonly image?: ContainerImage;

  /**
   * Fargate only: CPU units of a task.
   *
   * @default 256
   */
  readonly cpu?: number;

  /**
   * Fargate only: memory of a task in MiB.
   *
   * @default 512
   */
  readonly memoryLimitMiB?: number;

  /**
   * Fargate only: most tasks at a time. There are none while there are no jobs.
   *
   * @default 10
   */
  readonly maxTasks?: number;

  /**
   * Failures of a job after which it has failed, 1 to 100.
   *
   * @default 5
   */
  readonly maxFailures?: number;

  /**
   * More environment variables of the worker. Names that begin with `EXACTLY_ONCE_` are the construct's.
   *
   * @default - none
   */
  readonly environment?: { [key: string]: string };

  /**
   * How long a caller may enqueue one job again after its first try.
   *
   * @default Duration.days(14)
   */
  readonly producerRetryHorizon?: Duration;

  /**
   * The longest delay that jobs are enqueued with. A job is remembered that much longer.
   *
   * @default Duration.days(30)
   */
  readonly maxDelay?: Duration;

  /**
   * Key of yours for the queue, its dead letters and the logs of the worker. The jobs themselves are encrypted with
   * the key of `dedupTable`, or as your database is.
   *
   * Its policy must let CloudWatch Logs use it; that of a `Key` of the same app is given the statement.
   *
   * @default - keys of AWS
   */
  readonly encryptionKey?: IKey;
}
