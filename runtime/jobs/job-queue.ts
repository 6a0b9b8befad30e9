import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoJobStore } from './dynamo-job-store.js';
import { JobClient, type JobClientOptions } from './job-client.js';
import type { JobQueueSettings } from './job-settings.js';

export interface JobQueueOptions extends JobClientOptions {
  readonly settings: JobQueueSettings;
  readonly dynamodb: DynamoDBClient;
}

/** Enqueues jobs whose rows are in the dedup table. See {@link JobClient} for what is guaranteed. */
export class JobQueueClient extends JobClient {
  constructor(options: JobQueueOptions) {
    const { dynamodb: client, settings } = options;
    const { dedupTable: tableName, consumerName, retentionSeconds } = settings;
    super(new DynamoJobStore({ client, tableName, consumerName, retentionSeconds }), options);
  }
}
