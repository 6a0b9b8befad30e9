import { SettingsReader, type Environment } from '../dedup/settings-reader.js';
import { assertConsumerName } from '../dedup/identity.js';

/** What whoever enqueues has to know, whichever store has the jobs. */
export interface SharedJobSettings {
  readonly consumerName: string;
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

/** What the JobQueue construct tells whoever enqueues. */
export interface JobQueueSettings extends SharedJobSettings {
  readonly dedupTable: string;
}

/**
 * Reads the settings that `JobQueue.addProducer` put into the function's environment.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function jobQueueSettings(environment: Environment): JobQueueSettings {
  const reader = settingsReader(environment);
  const settings = { ...readShared(reader), dedupTable: reader.read('EXACTLY_ONCE_JOBS_DEDUP_TABLE') };
  reader.end();
  assertConsumerName(settings.consumerName);
  return settings;
}

/**
 * Reads the settings that `JobQueue.addProducer` put into the function's environment, of a queue with
 * `receiptsInPostgres`.
 *
 * @param environment usually `process.env`.
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresJobQueueSettings(environment: Environment): SharedJobSettings {
  const reader = settingsReader(environment);
  const settings = readShared(reader);
  reader.end();
  assertConsumerName(settings.consumerName);
  return settings;
}

function settingsReader(environment: Environment): SettingsReader {
  return new SettingsReader(environment, 'call `addProducer` of the JobQueue construct');
}

function readShared(reader: SettingsReader): SharedJobSettings {
  return {
    consumerName: reader.read('EXACTLY_ONCE_JOBS_CONSUMER_NAME'),
    retentionSeconds: reader.readWhole('EXACTLY_ONCE_JOBS_RETENTION_SECONDS'),
    queueUrl: reader.read('EXACTLY_ONCE_JOBS_QUEUE_URL'),
    scheduler: {
      groupName: reader.read('EXACTLY_ONCE_JOBS_SCHEDULE_GROUP'),
      roleArn: reader.read('EXACTLY_ONCE_JOBS_SCHEDULER_ROLE_ARN'),
      queueArn: reader.read('EXACTLY_ONCE_JOBS_QUEUE_ARN'),
    },
  };
}
