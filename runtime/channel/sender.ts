import type { SQSClient } from '@aws-sdk/client-sqs';
import type { ClaimCheckOptions } from './claim-check.js';
import { SendRun } from './send-run.js';
import type { TraceFields } from '../send/trace-fields.js';
import type { OutgoingMessage } from './message.js';
import { Pressure } from './pressure.js';
import type { ChannelSettings } from './settings.js';
import { logSend, type SendSummary } from './summary.js';
import { observed } from '../telemetry/observed.js';
import { newSqsClient } from '../sqs/send-entries.js';
import { envelop } from './envelope.js';

export interface ChannelSenderOptions {
  /** Where to send: `channelSettings(process.env)`. */
  readonly settings: ChannelSettings;
  /**
   * What keeps the order of a group on FIFO. `queue`: one message of a group in a call, the next one when it is
   * accepted. `version`: consumers order by the producer's version, so a call may hold ten of one group.
   *
   * @default 'queue'
   */
  readonly orderedBy?: 'queue' | 'version';
  /** Where large bodies go. @default - the bucket of the settings, from 262,144 bytes on */
  readonly claimCheck?: ClaimCheckOptions;
  /** When FIFO is left for Standard. For a channel that has both. */
  readonly spillover?: SpilloverOptions;
  /** What a tracer has to say of each message. @default - nothing */
  readonly trace?: (message: OutgoingMessage) => TraceFields | undefined;
  /** Called once per call of `send`. @default - a JSON line where anything was out of the ordinary */
  readonly observe?: (summary: SendSummary) => void;
  /** @default - a client of the function's own region, made at the first send */
  readonly sqs?: SQSClient;
}

export interface SpilloverOptions {
  /**
   * How long FIFO may throttle before messages go to Standard, in milliseconds. A FIFO queue to which nothing was
   * sent for some minutes is scaled down, and needs minutes to warm up: a shorter time spills every first burst
   * (R32).
   *
   * @default 180,000
   */
  readonly afterMs?: number;
  /** How long FIFO must take probes without throttling before the sender comes back. @default 60,000 */
  readonly calmMs?: number;
  /** How often FIFO is probed meanwhile. @default 5,000 */
  readonly probeEveryMs?: number;
}

export interface SendOptions {
  /** How long is tried to send, in milliseconds, before what is left is given back. @default 10,000 */
  readonly patienceMs?: number;
}

/** Sends messages to a channel. One per process: it remembers how its queue does. */
export interface ChannelSender {
  /**
   * Sends messages, in batches. When it returns, every one of them is accepted.
   *
   * @throws MessagesNotSent with those that are not known to be accepted. All others are.
   * @throws InvalidMessages when one of them can never be sent. Then nothing was.
   */
  send(messages: readonly OutgoingMessage[], options?: SendOptions): Promise<void>;
}

/**
 * A sender for a channel.
 *
 * Guarantees: a message that `send` does not name in an error was accepted; only entries that failed are sent again,
 * and what failed is read from each entry's code, because an answer of 200 says nothing of them. On FIFO one group
 * keeps the order of the call: a message that failed holds back all later ones of its group. Each message carries
 * its identity, which is also its deduplication id, and the time of its first send.
 *
 * Does not guarantee: that a message is in the queue once. A send whose answer was lost is repeated; FIFO drops the
 * second one for 5 minutes, and the consumer's receipt tells for the whole horizon. That a commit of yours and the
 * send happen together: for that there is the outbox.
 */
export function channelSender(options: ChannelSenderOptions): ChannelSender {
  const { settings, spillover = {}, trace, observe = logSend } = options;
  const { queueUrl, spilloverQueueUrl, claimBucket } = settings;
  const fifo = queueUrl.endsWith('.fifo');
  const pressure = new Pressure({
    budgetMs: spillover.afterMs ?? 180_000,
    calmMs: spillover.calmMs ?? 60_000,
    probeEveryMs: spillover.probeEveryMs ?? 5_000,
  });
  const claimCheck = options.claimCheck ?? (claimBucket === undefined ? undefined : { bucket: claimBucket });
  let { sqs } = options;
  return {
    async send(messages, { patienceMs = 10_000 } = {}) {
      if (messages.length === 0) return;
      const enveloped = envelop(messages, { fifo, claimCheck, trace });
      sqs ??= await newSqsClient();
      const run = new SendRun({
        sqs,
        queueUrl,
        spilloverQueueUrl: fifo ? spilloverQueueUrl : undefined,
        atOnce: fifo && options.orderedBy !== 'version' ? 1 : undefined,
        pressure,
        patienceMs,
      });
      try {
        await run.send(enveloped);
      } finally {
        observed(observe, run.summary(messages.length));
      }
    },
  };
}
