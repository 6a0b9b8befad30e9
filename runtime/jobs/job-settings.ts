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
 * @param name that `addProducer` was given, for a function that enqueues to several queues
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function jobQueueSettings(environment: Environment, name = 'JOBS'): JobQueueSettings {
  return read(environment, name, (reader, prefix) => ({ dedupTable: reader.read(`${prefix}_DEDUP_TABLE`) }));
}

/**
 * Reads the settings that `JobQueue.addProducer` put into the function's environment, of a queue with
 * `receiptsInPostgres`.
 *
 * @param environment usually `process.env`.
 * @param name that `addProducer` was given, for a function that enqueues to several queues
 * @throws InvalidSettings naming every variable that is missing or wrong.
 */
export function postgresJobQueueSettings(environment: Environment, name = 'JOBS'): SharedJobSettings {
  return read(environment, name, () => ({}));
}

function read<Own extends object>(
  environment: Environment,
  name: string,
  readOwn: (reader: SettingsReader, prefix: string) => Own,
): SharedJobSettings & Own {
  const prefix = `EXACTLY_ONCE_${name}`;
  const reader = new SettingsReader(environment, 'call `addProducer` of the JobQueue construct');
  const settings = {
    consumerName: reader.read(`${prefix}_CONSUMER_NAME`),
    retentionSeconds: reader.readWhole(`${prefix}_RETENTION_SECONDS`),
    queueUrl: reader.read(`${prefix}_QUEUE_URL`),
    scheduler: {
      groupName: reader.read(`${prefix}_SCHEDULE_GROUP`),
      roleArn: reader.read(`${prefix}_SCHEDULER_ROLE_ARN`),
      queueArn: reader.read(`${prefix}_QUEUE_ARN`),
    },
    ...readOwn(reader, prefix),
  };
  reader.end();
  assertConsumerName(settings.consumerName);
  return settings;
}
