import type { SQSClient } from '@aws-sdk/client-sqs';
import { setTimeout as sleep } from 'node:timers/promises';
import { queueDepth } from './dead-letters.js';
import { unlessAborted } from '../unless-aborted.js';

/**
 * A sender waits while the queue holds more than this: what a receive costs on an emulator grows with the queue. What
 * killed functions had in hand counts, too, until it is visible again: with a tighter bound the senders mostly wait
 * for that.
 */
export const longestBacklog = 2000;
const askEveryMs = 250;

/**
 * Returns a wait for the queue to be short enough. The queue is asked every 250 ms at most, so it may grow past the
 * bound by what is sent meanwhile.
 */
export function backlogGate(
  sqs: SQSClient,
  queueUrl: string,
  alive: AbortSignal,
  longest: number = longestBacklog,
): () => Promise<void> {
  let askedAt = -Infinity;
  let depth = Promise.resolve(0);
  return async () => {
    for (;;) {
      alive.throwIfAborted();
      if (performance.now() - askedAt > askEveryMs) {
        askedAt = performance.now();
        depth = queueDepth(sqs, queueUrl);
      }
      if ((await depth) <= longest) return;
      await unlessAborted(sleep(askEveryMs), alive);
    }
  };
}
