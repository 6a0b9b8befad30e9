import { SQSClient } from '@aws-sdk/client-sqs';
import {
  channelSender,
  MessagesNotSent,
  type ChannelSettings,
  type SendSummary,
} from '../../runtime/channel/index.js';
import { armCrashPoints, type CrashPoint } from '../../runtime/dedup/crash-points.js';
import type { EventOrder } from './spill-world.js';

export interface ProducerOptions {
  readonly queueUrl: string;
  readonly spilloverQueueUrl: string;
  readonly byVersion: boolean;
  readonly client: {
    endpoint: string;
    region: string;
    credentials: { accessKeyId: string; secretAccessKey: string };
  };
}

export interface ProducerOrder {
  readonly events: readonly EventOrder[];
  /** Where to send, without a spill-over. @default - to the channel of both queues */
  readonly queueUrl?: string;
  /** Where to die, and how often to pass there before. */
  readonly dieAt?: { readonly point: CrashPoint; readonly after: number };
}

/** What it answers: which events are not known to be accepted. */
export interface ProducerAnswer {
  readonly unsent: readonly string[];
  readonly summary: SendSummary;
}

/** A producer in a process of its own, which can be killed as by an out-of-memory killer. */
const { queueUrl, spilloverQueueUrl, byVersion, client } = JSON.parse(
  process.argv[2] ?? '',
) as ProducerOptions;
let summary: SendSummary | undefined;
const senderTo = (settings: ChannelSettings) =>
  channelSender({
    settings,
    orderedBy: byVersion ? 'version' : 'queue',
    // Throttled once, it spills: with a time of waiting, a slow machine would see a calm between two calls.
    spillover: { afterMs: 0, calmMs: 150, probeEveryMs: 40 },
    sqs: new SQSClient({ ...client, useQueueUrlAsEndpoint: false, maxAttempts: 1 }),
    observe: (so) => void (summary = so),
  });

const both = senderTo({ queueUrl, spilloverQueueUrl });

process.on('message', ({ events, queueUrl: only, dieAt }: ProducerOrder) => {
  let left = dieAt?.after ?? 0;
  armCrashPoints((point) => {
    if (point === dieAt?.point && left-- === 0) process.kill(process.pid, 'SIGKILL');
  });
  const messages = events.map((event) => ({ key: event.id, group: event.account, body: event }));
  const sender = only === undefined ? both : senderTo({ queueUrl: only });
  void sender
    .send(messages, { patienceMs: 4_000 })
    .then(() => [])
    .catch((error: unknown) => {
      if (!(error instanceof MessagesNotSent)) throw error;
      return error.unsent.map(({ message }) => message.key);
    })
    .then((unsent) => process.send?.({ unsent, summary }));
});
