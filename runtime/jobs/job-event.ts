import { parseJson } from '../dedup/exact-json.js';

/** Type of the events that carry jobs of a consumer: what the target of its queue is sent, and nobody else. */
export function jobEventType(consumerName: string): string {
  return `job.${consumerName}`;
}

/**
 * What the body of a message says: the job, whether it was sent by a JobQueueClient or came as an event out of an
 * outbox. So the two are one message, with one fingerprint.
 *
 * @throws what is no JSON
 */
export function jobIn(body: string, consumerName: string): unknown {
  const said = parseJson(body);
  if (typeof said !== 'object' || said === null) return said;
  const { specversion, type, data } = said as Record<string, unknown>;
  return specversion !== undefined && type === jobEventType(consumerName) ? data : said;
}
