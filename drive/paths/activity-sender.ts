import {
  type SendMessageBatchRequestEntry,
  SendMessageBatchCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { type ActivityEvent, counterOf } from '../input/activity-events.js';
import type { ActivityEntry } from '../audit/activity-audit.js';
import { ActivityRefusedError } from '../drive-error.js';
import { duplicateSchedule } from '../input/duplicate-schedule.js';
import type { LineFile } from '../audit/journal.js';

export interface ActivitySenderOptions {
  sqs: SQSClient;
  queueUrl: string;
  events: AsyncIterable<ActivityEvent>;
  journal: Pick<LineFile<ActivityEntry>, 'append'>;
  seed: number;
  /** Share of events sent a second time: same event, new message. 0 to 1. */
  duplicates: number;
  /** Awaited before each batch. @default - nothing */
  gate?: () => Promise<void>;
  /** Called after each batch. */
  onSent?: (so: ActivityTraffic) => void;
}

export interface ActivityTraffic {
  /** Events, each counted once. */
  readonly sent: number;
  /** Messages sent for an event that had one before. */
  readonly duplicates: number;
  /** Entries that SQS did not take at first. */
  readonly retries: number;
}

const batchSize = 10;
const maxAttempts = 10;

/**
 * Sends events in batches of ten, journal first. The customer is the MessageGroupId: on a Standard queue it orders
 * nothing and makes it a fair one.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 *
 * @throws ActivityRefusedError when SQS refuses an entry for what it is, or does not take it 10 times
 */
export async function sendActivity(options: ActivitySenderOptions): Promise<ActivityTraffic> {
  const schedule = duplicateSchedule<ActivityEvent>(options.seed, options.duplicates);
  const traffic = { sent: 0, duplicates: 0, retries: 0 };
  let fresh: ActivityEvent[] = [];
  let waiting: ActivityEvent[] = [];

  const flush = async (): Promise<void> => {
    await options.gate?.();
    await options.journal.append(
      fresh.map((event) => ({ eventId: event.eventId, counter: counterOf(event) })),
    );
    for (let start = 0; start < waiting.length; start += batchSize)
      traffic.retries += await sendBatch(options, waiting.slice(start, start + batchSize));
    traffic.sent += fresh.length;
    traffic.duplicates += waiting.length - fresh.length;
    options.onSent?.(traffic);
    [fresh, waiting] = [[], []];
  };

  for await (const event of options.events) {
    fresh.push(event);
    waiting.push(event, ...schedule.after(event.eventId, event));
    if (waiting.length >= batchSize) await flush();
  }
  waiting.push(...schedule.rest());
  await flush();
  return traffic;
}

/** Returns how many entries had to be sent again. */
async function sendBatch(
  { sqs, queueUrl }: ActivitySenderOptions,
  events: readonly ActivityEvent[],
): Promise<number> {
  let entries: SendMessageBatchRequestEntry[] = events.map((event, index) => ({
    ...{ Id: String(index), MessageBody: JSON.stringify(event), MessageGroupId: event.customer },
  }));
  let retries = 0;
  for (let attempt = 1; ; attempt += 1) {
    // A batch succeeds as a whole even when some of its entries did not.
    const { Failed = [] } = await sqs.send(
      new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
    );
    const [first] = Failed;
    if (first === undefined) return retries;
    if (first.SenderFault === true || attempt === maxAttempts)
      throw new ActivityRefusedError(Failed.length, attempt, `${first.Code}: ${first.Message ?? ''}`);
    const failed = new Set(Failed.map(({ Id }) => Id));
    entries = entries.filter(({ Id }) => failed.has(Id));
    retries += entries.length;
  }
}
