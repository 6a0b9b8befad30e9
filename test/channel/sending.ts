import type { Message, SQSClient } from '@aws-sdk/client-sqs';
import { keyAttribute, type OutgoingMessage } from '../../runtime/channel/index.js';
import type { EntryRefusal } from '../fixtures/strict.js';
import { drain } from '../fixtures/queue.js';

/** Throttled as SQS says it for FIFO: as if it were the sender's fault. */
export const throttled: EntryRefusal = { Code: 'RequestThrottled', SenderFault: true };

/** Messages of `groups` groups, in turn, each numbered within its group. */
export function inGroups(groups: number, perGroup: number, bytes = 0): OutgoingMessage[] {
  return Array.from({ length: perGroup }, (_, n) =>
    Array.from({ length: groups }, (_, g) => ({
      key: `g${g}-${n}`,
      group: `g${g}`,
      body: { group: `g${g}`, n, text: 'x'.repeat(bytes) },
    })),
  ).flat();
}

/** Keys of what is in a queue, in the order in which it is handed out. */
export async function keysIn(client: SQSClient, queueUrl: string): Promise<string[]> {
  return (await drain(client, queueUrl)).map(keyOf);
}

function keyOf({ MessageAttributes }: Message): string {
  return MessageAttributes?.[keyAttribute]?.StringValue ?? '';
}

/** Of each group, the numbers in the order in which they came. */
export function byGroup(keys: readonly string[]): Record<string, number[]> {
  const groups: Record<string, number[]> = {};
  for (const key of keys) {
    const [group = '', n] = key.split('-');
    (groups[group] ??= []).push(Number(n));
  }
  return groups;
}

/** True for about this share of the calls, the same ones in every run. */
export function sometimes(share: number, seed = 1): () => boolean {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648 < share;
  };
}
