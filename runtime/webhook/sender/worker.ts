import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { InvalidSettings } from '../../dedup/errors.js';
import { newClient, type DynamoDBClient } from '../../dynamodb/new-client.js';
import { observed } from '../../telemetry/observed.js';
import { Alerts, type AlertTargets } from './alerts.js';
import { guardOf, type GuardOptions } from './guard/options.js';
import { defaultHealth, type HealthRules } from './health.js';
import { Poster } from './post.js';
import { assertSchedule, defaultSchedule } from './schedule.js';
import { assertSenderSettings, type WebhookSenderSettings } from './settings.js';
import { ShardRun, type RunLimits } from './shard-run.js';
import { WebhookStore } from './store/webhook-store.js';
import { logSent, RunTally, type SendSummary } from './summary.js';
import { Slots } from './slots.js';
import { maxRunsInARow, shardsNamed, wakeByQueue } from './wake.js';

export interface WebhookWorkerOptions extends AlertTargets, GuardOptions {
  /** What the construct knows: `webhookSenderSettings(process.env)`. */
  readonly settings: WebhookSenderSettings;
  /**
   * Attempts at once in one process, over all endpoints. Those to endpoints that fail, or keep one waiting, are half
   * of them at most.
   *
   * @default 200
   */
  readonly maxInFlight?: number;
  /** Attempts at once to one endpoint: two at first, one more with each success. @default 10 */
  readonly maxInFlightPerEndpoint?: number;
  /** For one attempt, in seconds, from the look-up of its name to the status. At most 30. @default 15 */
  readonly timeoutSeconds?: number;
  /** Seconds before each attempt. @default - 0 s, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h */
  readonly schedule?: readonly number[];
  /**
   * Bytes of an answer that are kept of an attempt that failed, at most 16,384. A KB costs a write unit.
   *
   * @default 1,000
   */
  readonly maxAnswerBytes?: number;
  /** When an endpoint is left alone, and when it is disabled. @default - see HealthRules */
  readonly health?: Partial<HealthRules>;
  /** @default 'exactly-once-aws' */
  readonly userAgent?: string;
  /**
   * How far the clocks of two workers may be apart, in seconds. A shard whose worker died waits that much longer.
   *
   * @default 60
   */
  readonly maxClockSkewSeconds?: number;
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** Asks for the next run. @default - a client of the function's own region */
  readonly sqs?: SQSClient;
  /** Called once per invocation. @default - one JSON line on stdout */
  readonly observe?: (summary: SendSummary) => void;
  /** @internal For tests: epoch milliseconds. */
  readonly now?: () => number;
  /** @internal For tests: from 0 to 1. */
  readonly random?: () => number;
  /** @internal For tests: how long a worker goes on looking, in milliseconds. */
  readonly lingerMs?: number;
}

/** A Lambda handler for the queue that wakes workers. */
export type WebhookWorker = (
  event: Pick<SQSEvent, 'Records'>,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<SQSBatchResponse>;

/** The longest that a lease is longer than an attempt, in milliseconds. */
const leaseMs = 90_000;
/** What is left for settling after the last attempt. */
const settleMs = 5_000;

/**
 * A Lambda handler that sends what is due. Its messages only say where to look: one that is lost or comes twice does
 * no harm, and a tick each minute names all shards. A run whose time is over before its work asks for the next one.
 *
 * Guaranteed: every delivery of an endpoint that is not disabled is sent until the endpoint takes it or its schedule
 * is over; none is lost by a process that dies, whenever. Each attempt is signed anew and has the same `webhook-id`.
 * Not guaranteed: that an endpoint gets it once: a worker that dies between the answer and writing it down sends
 * again. An endpoint acts once when it remembers `webhook-id`, as `webhookReceiver` does.
 *
 * @throws InvalidSettings at start, naming everything that is out of range.
 */
export function webhookWorker(options: WebhookWorkerOptions): WebhookWorker {
  assertOptions(options);
  const {
    settings,
    dynamodb = newClient(),
    observe = logSent,
    now = Date.now,
    random = Math.random,
  } = options;
  const { timeoutSeconds = 15, maxAnswerBytes = 1_000, maxInFlight = 200 } = options;
  const { outbox, notify, schedule = defaultSchedule, userAgent = 'exactly-once-aws' } = options;
  const store = new WebhookStore(dynamodb, settings.table);
  const timeoutMs = timeoutSeconds * 1000;
  const poster = new Poster(guardOf(options), { timeoutMs, maxAnswerBytes });
  const told = outbox !== undefined || notify !== undefined;
  const alerts = told ? new Alerts(store, settings, { outbox, notify }) : undefined;
  const tools = { store, poster, alerts, schedule, userAgent, now, random };
  const limits: RunLimits = {
    ...{ leaseMs, timeoutMs, now },
    maxClockSkewMs: (options.maxClockSkewSeconds ?? 60) * 1000,
    health: { ...defaultHealth, ...options.health },
    maxInFlightPerEndpoint: options.maxInFlightPerEndpoint ?? 10,
    lingerMs: options.lingerMs ?? 2_000,
  };
  const slots = new Slots(maxInFlight);
  const wake = wakeByQueue(settings.wakeQueueUrl, options.sqs);
  return async ({ Records }, context) => {
    const deadline = Date.now() + context.getRemainingTimeInMillis() - timeoutMs - settleMs;
    const shards = shardsNamed(
      Records.map(({ body }) => body),
      settings.shards,
    );
    const tally = new RunTally();
    const { readUnits, writeUnits } = store.meter;
    // One that fails does not keep the others from ending what they have begun.
    const ended = await Promise.allSettled(
      [...shards].map(async ([shard, runs]) => {
        const isMore = await new ShardRun(tools, limits, slots, tally, shard).run(deadline);
        if (isMore && runs < maxRunsInARow) await wake(new Set([shard]), runs + 1);
      }),
    );
    observed(observe, {
      sender: settings.senderName,
      ...tally.figures,
      writeUnits: store.meter.writeUnits - writeUnits,
      readUnits: store.meter.readUnits - readUnits,
    });
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return { batchItemFailures: [] };
  };
}

function assertOptions(options: WebhookWorkerOptions): void {
  assertSenderSettings(options.settings);
  assertSchedule(options.schedule ?? defaultSchedule);
  const problems = [
    range('maxInFlight', options.maxInFlight, 1, 1_000),
    range('maxInFlightPerEndpoint', options.maxInFlightPerEndpoint, 1, 1_000),
    range('timeoutSeconds', options.timeoutSeconds, 1, 30),
    range('maxAnswerBytes', options.maxAnswerBytes, 0, 16_384),
    range('maxClockSkewSeconds', options.maxClockSkewSeconds, 0, 3_600),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new InvalidSettings(problems);
}

function range(name: string, value: number | undefined, least: number, most: number): string | undefined {
  return value === undefined || (value >= least && value <= most)
    ? undefined
    : `${name} must be from ${least} to ${most}, got ${value}`;
}
