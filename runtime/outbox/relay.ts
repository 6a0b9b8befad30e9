import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Context, DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { InvalidSettings } from '../dedup/errors.js';
import { observed } from '../telemetry/observed.js';
import type { Sender } from './deliver.js';
import { InstanceMemory } from './instance-memory.js';
import type { RelaySettings } from './relay-settings.js';
import { logGauges, logRelay, type RelaySummary } from './relay-summary.js';
import { RunClock } from './run-clock.js';
import { relayBatch } from './stream-batch.js';
import { readRecords } from './stream-records.js';
import { everyOther } from './stuck-stream.js';
import type { RelayGauges } from './relay-gauges.js';
import { sweep } from './sweep.js';
import { Tally } from './tally.js';
import { TargetHealth } from '../send/target-health.js';

export interface OutboxRelayOptions extends RelaySettings {
  /** @default - a client of the function's own region */
  readonly dynamodb?: DynamoDBClient;
  /** Called once per run. @default - figures as CloudWatch metrics and lines of problems, on stdout */
  readonly observe?: (summary: RelaySummary) => void;
  /** Called by each sweep before it sends anything. @default - CloudWatch metrics, on stdout */
  readonly observeGauges?: (gauges: RelayGauges) => void;
}

/** What a schedule sends; nothing of it is looked at. */
export interface ScheduledEvent {
  readonly Records?: undefined;
}

/** A Lambda handler for the stream of an outbox table with `ReportBatchItemFailures`, and for a schedule. */
export type OutboxRelay = (
  event: DynamoDBStreamEvent | ScheduledEvent,
  context: Pick<Context, 'getRemainingTimeInMillis'>,
) => Promise<DynamoDBBatchResponse>;

/**
 * A Lambda handler that sends what is in an outbox to its targets.
 *
 * Invoked by the table's stream, it sends the new events. Invoked by a schedule, it sweeps: it sends what is listed
 * as stuck, and what the table's stream never brought.
 *
 * Guarantees: an event whose commit succeeded is sent to every target that wants its type, at least once, and kept
 * until then. A later event of a stream is never sent to a target before an earlier one was, by whatever instance,
 * and also when a target refuses one: then the stream waits, at that target alone. (Of a call of several events that
 * a target takes in part, the later ones may be in it, and are sent again.) An event of a commit that was rolled back
 * does not exist.
 *
 * Does not guarantee: that an event is sent once, nor that a target hands on what it accepted in the order in which
 * it was sent. A consumer that takes (source, epoch, kind, aggregate, version) from the event is exact and in order
 * all the same.
 *
 * @throws InvalidSettings at start, when there is no target, or when two have the same name.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function outboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const { targets, table, retentionSeconds, graceSeconds } = options;
  const {
    dynamodb: client = new DynamoDBClient({}),
    observe = logRelay,
    observeGauges = logGauges,
  } = options;
  assertTargets(targets.map(({ name }) => name));
  const sender: Sender = {
    targets,
    health: new Map(targets.map(({ name }) => [name, new TargetHealth()])),
    memory: new InstanceMemory(),
  };
  return async (event, context) => {
    const clock = new RunClock(context);
    const access = { client, table, limits: clock.limits, retentionSeconds, graceSeconds };
    if (event.Records === undefined) {
      const tally = new Tally();
      await sweep(sender, access, clock, tally, (gauges) => observed(observeGauges, gauges));
      observed(observe, { outbox: table, by: 'sweep', ...tally.figures() });
      return { batchItemFailures: [] };
    }
    await crashPoint('batch-received');
    const { failed, ...figures } = await relayBatch(readRecords(event.Records), sender, access, clock);
    observed(observe, { outbox: table, by: 'stream', ...figures, failed: failed.length });
    return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
  };
}

function assertTargets(names: readonly string[]): void {
  if (names.length === 0) throw new InvalidSettings(['an outbox relay needs at least one target']);
  if (new Set(names).size < names.length)
    throw new InvalidSettings([`two targets of an outbox relay have one name: ${names.join(', ')}`]);
  if (names.includes(everyOther))
    throw new InvalidSettings([`a target of an outbox relay may not have the name '${everyOther}'`]);
}
