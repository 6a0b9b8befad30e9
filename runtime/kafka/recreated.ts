import { KeyReused } from '../dedup/errors.js';
import type { Outcome } from '../dedup/outcome.js';
import { TopicRecreated } from './errors.js';

/** What another record at a position means: not that a key was reused, but that the topic is another one. */
export function recreated(outcome: Outcome): Outcome {
  if (outcome.kind !== 'rejected' || !(outcome.error instanceof KeyReused)) return outcome;
  const { error } = outcome;
  return { kind: 'retry', error: new TopicRecreated(error.receiptId, { cause: error }) };
}
