import { AsyncLocalStorage } from 'node:async_hooks';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { decoded, type DecodeResult } from '../consumer/decode/decode.js';
import type { KeySource, Message } from '../consumer/message.js';
import type { Once } from '../dedup/effect.js';
import { InvalidSettings } from '../dedup/errors.js';
import { fingerprintOf } from '../dedup/fingerprint.js';
import type { SqsConsumer } from '../sqs/handler.js';
import { letterOf } from '../sqs/letter.js';
import { logSummary, type BatchSummary, type Problem } from '../telemetry/batch-summary.js';
import { tell } from '../telemetry/tell.js';
import { jobEnvelope, type JobEnvelope } from './envelope.js';
import { jobIn } from './job-event.js';
import { hideMessage } from './hide-message.js';
import type { JobRow } from './job-row.js';
import type { JobStore } from './job-store.js';
import { runJob } from './run-job.js';
import { settleJobs } from './settle-jobs.js';

/** A job as its worker sees it. */
export interface RunningJob<Payload> {
  readonly jobId: string;
  readonly payload: Payload;
  /** 1 in the first try. */
  readonly attempt: number;
  /** Fires when the job was cancelled or another worker has it: stop then, by throwing. */
  readonly signal: AbortSignal;
  /** Tells whoever asks `getJob` how far it is: anything plain. @throws LeaseLost when another worker has the job. */
  readonly progress: (value: unknown) => Promise<void>;
  /** An effect outside the store. Needs `leases`. */
  readonly once: Once;
}

/** What every worker is given, whichever store commits its effects. */
export interface JobHandlerOptions<Schema extends StandardSchemaV1, Tx> {
  /** Validates the payload. */
  readonly schema: Schema;
  /**
   * Does the job. What it puts into `tx`, and that the job is done, is committed in one step when it returns. What it
   * returns is the job's result. A throw means "try again, after a while"; RejectMessage means "never".
   */
  readonly run: (job: RunningJob<StandardSchemaV1.InferOutput<Schema>>, tx: Tx) => unknown;
  /**
   * How often a running job says that it lives, in seconds. Its lease and its message's visibility are four times as
   * long. @default 30
   */
  readonly heartbeatSeconds?: number;
  /** How far apart the clocks of two machines may be, in seconds (R28). @default 60 */
  readonly maxClockSkewSeconds?: number;
  /** @default - made when the first job runs */
  readonly sqs?: SQSClient;
  /** Called once per batch. @default - one JSON line per batch and per problem on stdout */
  readonly observe?: (summary: BatchSummary) => void;
}

/** What a consumer of jobs' messages is made of, whichever store it commits in. */
export interface JobConsumerParts<Schema extends StandardSchemaV1, Tx> {
  readonly decode: (text: string) => DecodeResult;
  readonly schema: StandardSchemaV1<unknown, JobEnvelope<StandardSchemaV1.InferOutput<Schema>>>;
  readonly key: (source: KeySource<JobEnvelope<StandardSchemaV1.InferOutput<Schema>>>) => string;
  readonly observe: (summary: BatchSummary) => void;
  readonly handle: (
    message: Message<JobEnvelope<StandardSchemaV1.InferOutput<Schema>>>,
    tx: Tx,
  ) => Promise<unknown>;
}

const beatsPerLease = 4;
/** SQS hides no message for longer: a beat that asks for more fails, and the job would count as lost. */
const longestHiddenSeconds = 12 * 3600;

/**
 * The Lambda handler of a worker.
 *
 * @param consumerOf makes the consumer that commits what the job's transaction holds.
 * @throws InvalidSettings when the heartbeat is none.
 */
export function jobHandler<Schema extends StandardSchemaV1, Tx extends { readonly once: Once }>(
  options: JobHandlerOptions<Schema, Tx>,
  store: JobStore<Tx>,
  queueUrl: string,
  consumerOf: (parts: JobConsumerParts<Schema, Tx>) => SqsConsumer,
): SqsConsumer {
  const { schema, run, observe = logSummary, heartbeatSeconds = 30, maxClockSkewSeconds = 60 } = options;
  const { consumerName } = store;
  if (!(heartbeatSeconds > 0 && heartbeatSeconds <= longestHiddenSeconds / beatsPerLease))
    throw new InvalidSettings([
      `heartbeatSeconds must be above 0 and at most ${longestHiddenSeconds / beatsPerLease}, got ${heartbeatSeconds}`,
    ]);
  const invocations = new AsyncLocalStorage<Invocation>();
  const message = hideMessage(queueUrl, beatsPerLease * heartbeatSeconds, options.sqs);
  const consumer = consumerOf({
    decode: (text) => jobOrText(text, consumerName),
    schema: jobEnvelope(schema),
    key: ({ body }) => body.jobId,
    observe: (summary) => {
      const invocation = invocations.getStore();
      if (invocation !== undefined) invocation.duplicates = summary.duplicate;
      for (const problem of summary.problems) invocation?.problems.set(problem.messageId, problem);
      tell(observe, summary);
    },
    handle: async ({ body: { jobId, payload, enqueued }, transport }, tx) => {
      const messageId = transport.messageId.toLog();
      return runJob(store, {
        jobId,
        messageId,
        fingerprint: fingerprintOf({ jobId, payload: enqueued }),
        olderFingerprint: () => olderFingerprint(jobId, payload),
        tx,
        claims: invocations.getStore()?.claims ?? new Map<string, JobRow>(),
        redriven: invocations.getStore()?.redriven.has(messageId) ?? false,
        heartbeat: {
          everyMs: heartbeatSeconds * 1000,
          leaseMs: beatsPerLease * heartbeatSeconds * 1000,
          hide: () => message.hide(messageId),
        },
        maxClockSkewMs: maxClockSkewSeconds * 1000,
        run: (running) =>
          run({ jobId, payload, once: (name, effect) => tx.once(name, effect), ...running }, tx),
      });
    },
  });
  return async (event, context) => {
    const { Records } = event;
    for (const { messageId, receiptHandle } of Records) message.received(messageId, receiptHandle);
    const redriven = Records.filter((record) => letterOf(record) !== undefined);
    const invocation: Invocation = {
      claims: new Map(),
      problems: new Map(),
      duplicates: 0,
      redriven: new Set(redriven.map(({ messageId }) => messageId)),
    };
    try {
      const answer = await invocations.run(invocation, async () => consumer(event, context));
      const comeAgain = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      const maxClockSkewMs = maxClockSkewSeconds * 1000;
      await settleJobs(store, Records, { ...invocation, comeAgain, maxClockSkewMs });
      return answer;
    } finally {
      for (const { messageId } of Records) message.forget(messageId);
    }
  };
}

/** What one call of the handler knows. Several may run side by side in one process. */
interface Invocation {
  readonly claims: Map<string, JobRow>;
  readonly problems: Map<string, Problem>;
  duplicates: number;
  /** Ids of messages that were sent back from the dead-letter queue. */
  readonly redriven: ReadonlySet<string>;
}

/** Text that is no JSON is for the engine to refuse. */
function jobOrText(text: string, consumerName: string): DecodeResult {
  try {
    return decoded({ json: jobIn(text, consumerName) });
  } catch {
    return text;
  }
}

/** A schema may make of a payload what has no fingerprint. */
function olderFingerprint(jobId: string, payload: unknown): string {
  try {
    return fingerprintOf({ jobId, payload });
  } catch {
    return '';
  }
}
