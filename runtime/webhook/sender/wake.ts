import type { SQSClient } from '@aws-sdk/client-sqs';
import { errorLine } from '../../telemetry/error-line.js';
import { logLine } from '../../telemetry/log-line.js';

/** What a message of the queue that wakes workers says: which shards have something to do. */
export interface WakeMessage {
  readonly shards: readonly number[] | 'all';
}

/** Wakes workers. Only a hint: one that is lost is made good by the next tick, within a minute. */
export type Wake = (shards: ReadonlySet<number>) => Promise<void>;

/** By a message to the queue. Never throws. */
export function wakeByQueue(queueUrl: string | undefined, given?: SQSClient): Wake {
  let client = given;
  return async (shards) => {
    if (queueUrl === undefined || shards.size === 0) return;
    try {
      const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs');
      // Else the client follows the host in the queue's URL, past the endpoint that it was given.
      client ??= new SQSClient({ useQueueUrlAsEndpoint: false });
      const message: WakeMessage = { shards: [...shards] };
      await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(message) }));
    } catch (error) {
      logLine({ exactlyOnce: 'webhook workers not woken', ...errorLine(error) });
    }
  };
}

/** The shards that messages name, each once. What is no such message names all of them. */
export function shardsNamed(bodies: readonly string[], shards: number): number[] {
  const all = Array.from({ length: shards }, (_, shard) => shard);
  const named = new Set<number>();
  for (const body of bodies) {
    const said = wakeMessage(body)?.shards;
    for (const shard of Array.isArray(said) ? (said as readonly number[]) : all) named.add(shard);
  }
  return all.filter((shard) => named.has(shard));
}

function wakeMessage(body: string): Partial<WakeMessage> | undefined {
  try {
    return Object(JSON.parse(body)) as Partial<WakeMessage>;
  } catch {
    return undefined;
  }
}
