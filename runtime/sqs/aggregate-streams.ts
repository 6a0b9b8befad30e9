import { groupStreamOf } from '../consumer/give-up.js';
import type { Limits } from '../dedup/limits.js';
import type { DynamoDBClient } from '../dynamodb/new-client.js';
import { errorLine } from '../telemetry/error-line.js';
import { logLine } from '../telemetry/log-line.js';
import type { ConsumerSettings } from './settings.js';

/**
 * Takes a stream off the list of those that stand still. Where that fails it stays listed, and a resume of it finds
 * nothing to do.
 */
export function wentOn(
  client: DynamoDBClient,
  { dedupTable, consumerName }: ConsumerSettings,
): ((stream: string, limits: Limits) => Promise<void>) | undefined {
  if (dedupTable === undefined) return undefined;
  return async (stream, limits) => {
    try {
      const { GroupStore } = await import('./trouble.js');
      const groups = new GroupStore(client, dedupTable, consumerName);
      const row = await groups.read(groupStreamOf(stream), limits);
      if (row?.state === 'stopped') await groups.open(row, limits);
    } catch (error) {
      logLine({ exactlyOnce: 'still listed as stopped', consumer: consumerName, ...errorLine(error) });
    }
  };
}
