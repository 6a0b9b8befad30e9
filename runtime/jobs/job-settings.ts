import { InvalidSettings } from '../dedup/errors.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What the JobQueue construct tells whoever enqueues. */
export interface JobQueueSettings {
  readonly consumerName: string;
  readonly dedupTable: string;
  /** Life of a job's row in seconds, from the horizon (R8). */
  readonly retentionSeconds: number;
  readonly queueUrl: string;
  /** For delays beyond 15 minutes. @default - such delays are refused */
  readonly scheduler?: {
    readonly groupName: string;
    /** May send to the queue. */
    readonly roleArn: string;
    readonly queueArn: string;
  };
}

/**
 * Reads the settings that `JobQueue.addProducer` put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function jobQueueSettings(
  environment: Readonly<Record<string, string | undefined>>,
): JobQueueSettings {
  const problems: string[] = [];
  const read = (name: string): string => {
    const value = environment[name];
    if (!value)
      problems.push(`${name} is not set; call \`addProducer\` of the JobQueue construct, or set it by hand`);
    return value ?? '';
  };
  const settings = {
    consumerName: read('EXACTLY_ONCE_JOBS_CONSUMER_NAME'),
    dedupTable: read('EXACTLY_ONCE_JOBS_DEDUP_TABLE'),
    retentionSeconds: Number(read('EXACTLY_ONCE_JOBS_RETENTION_SECONDS')),
    queueUrl: read('EXACTLY_ONCE_JOBS_QUEUE_URL'),
    scheduler: {
      groupName: read('EXACTLY_ONCE_JOBS_SCHEDULE_GROUP'),
      roleArn: read('EXACTLY_ONCE_JOBS_SCHEDULER_ROLE_ARN'),
      queueArn: read('EXACTLY_ONCE_JOBS_QUEUE_ARN'),
    },
  };
  if (problems.length > 0) throw new InvalidSettings(problems);
  assertConsumerName(settings.consumerName);
  return settings;
}
