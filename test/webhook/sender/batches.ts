import type { SQSEvent } from 'aws-lambda';
import { messageOf } from '../../../bench/webhook-message.js';

/** Messages as Lambda hands them out, ten at a time. */
export const SenderBatches = {
  of(bodies: readonly unknown[]): SQSEvent[] {
    return Array.from({ length: Math.ceil(bodies.length / 10) }, (_, i) => ({
      Records: bodies.slice(i * 10, i * 10 + 10).map((body) => messageOf(body)),
    }));
  },

  record: messageOf,
};
