import { fingerprintOf } from '../dedup/fingerprint.js';
import { bodyOf, InvalidJob } from './job-message.js';

/** A job to be enqueued with a transaction. */
export interface JobToEnqueue {
  /** The job's identity, chosen by the handler: the same whenever the message comes again. */
  readonly jobId: string;
  /** Plain JSON, with its `jobId` at most 350,000 bytes. `bigint` is sent as the integer that it is. */
  readonly payload: unknown;
  /** How long the job waits, from now: at most 12 hours. @default 0 */
  readonly delaySeconds?: number;
}

/** A worker that finds a job too early hides its message until then, and SQS hides none for longer. */
const maxDelaySeconds = 12 * 3600;

/**
 * @returns its fingerprint, and when it may begin, in epoch milliseconds.
 * @throws InvalidJob, UnserialisableValue
 */
export function checkedJob(
  { jobId, payload, delaySeconds = 0 }: JobToEnqueue,
  now: number,
): { readonly fingerprint: string; readonly runAt: number } {
  if (!(delaySeconds >= 0 && delaySeconds <= maxDelaySeconds))
    throw new InvalidJob(
      jobId,
      `delaySeconds is ${delaySeconds}, with a transaction it may be from 0 to ${maxDelaySeconds}; ` +
        'for more let a job enqueue it, or call `enqueue` of a client',
    );
  const fingerprint = fingerprintOf({ jobId, payload });
  bodyOf(jobId, { jobId, payload }, false);
  return { fingerprint, runAt: now + delaySeconds * 1000 };
}
