import type { SQSClient } from '@aws-sdk/client-sqs';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';

/** What a message of the queue that wakes workers says: which shards have something to do. */
export interface WakeMessage {
  readonly shards: readonly number[] | 'all';
  /** How many runs of workers in a row have asked for the next one. @default 0 */
  readonly runs?: number;
}

/**
 * Runs that ask for the next one, because their time was over before their work. Then the tick goes on, within a
 * minute: whatever goes wrong, nothing wakes itself for ever. Fewer than the about 16 after which Lambda takes a
 * function and a queue for a loop, and drops the message.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
export const maxRunsInARow = 12;

/** Wakes workers. Only a hint: one that is lost is made good by the next tick, within a minute. */
export type Wake = (shards: ReadonlySet<number>, runs?: number) => Promise<void>;

/** By a message to the queue. Never throws. */
export function wakeByQueue(queueUrl: string | undefined, given?: SQSClient): Wake {
  let client = given;
  return async (shards, runs) => {
    if (queueUrl === undefined || shards.size === 0) return;
    try {
      const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      client ??= new SQSClient({ useQueueUrlAsEndpoint: false });
      const message: WakeMessage = { shards: [...shards], runs };
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) }));
    } catch (error) {
      logLine({ exactlyOnce: 'webhook workers not woken', ...errorLine(error) });
    }
  };
}

/**
 * The shards that messages name, each with how many runs in a row have asked for this one, the least that is said of
 * it. What is no such message names all of them.
 */
export function shardsNamed(bodies: readonly string[], shards: number): ReadonlyMap<number, number> {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  const named = new Map<number, number>();
  for (const body of bodies) {
    const { shards: said, runs } = wakeMessage(body) ?? {};
    const counted = typeof runs === 'number' && runs > 0 ? runs : 0;
    for (const shard of Array.isArray(said) ? (said as readonly number[]) : all)
      if (all.includes(shard)) named.set(shard, Math.min(counted, named.get(shard) ?? Infinity));
  }
  return named;
}

function wakeMessage(body: string): Partial<WakeMessage> | undefined {
  try {
    return Object(JSON.parse(body)) as Partial<WakeMessage>;
  } catch {
    return undefined;
  }
}
