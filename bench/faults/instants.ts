import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { armCrashPoints } from '../../runtime/dedup/crash-points.js';

/**
 * Calls back at every instant between two steps of a batch: before a request leaves, after its answer has come, and
 * at the named crash points of our runtime. The peer names none; its instants are those of its calls.
 */
export function watchInstants(client: DynamoDBClient, at: (instant: string) => void): void {
  client.middlewareStack.add(
    (next, { commandName = 'call' }) =>
      async (args) => {
        at(`before ${commandName}`);
        const answer = await next(args);
        at(`after ${commandName}`);
        return answer;
      },
    { step: 'finalizeRequest', priority: 'low', name: 'instants' },
  );
  armCrashPoints((point) => at(`crash point ${point}`));
}
