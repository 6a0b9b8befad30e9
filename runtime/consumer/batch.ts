import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { KeyReused } from '../dedup/errors.js';
import { Meter } from '../dedup/meter.js';
import { arrive, type Arrival, type Recognition } from './arrival.js';
import { sendDeadLetter } from './dead-letter.js';
import { Lane, type LaneWork } from './lane.js';
import type { Pace } from './pace.js';
import type { ConsumerSettings } from './settings.js';
import type { Way } from './way.js';
import { keyHash, type BatchSummary, type Problem, type RecordOutcome } from './summary.js';

export interface BatchOptions<Schema extends StandardSchemaV1, Prepared> extends Recognition<Schema> {
  readonly settings: ConsumerSettings;
  readonly way: Way<StandardSchemaV1.InferOutput<Schema>, Prepared>;
  readonly pace: Pace;
  readonly deadLetterClient: () => Promise<SQSClient>;
  readonly remainingMs: () => number;
}

/** Time kept at the end for the answer to Lambda; no new attempt at a commit starts in it. */
const answerMs = 250;

/** One batch: recognise, merge copies, handle and commit round by round, dead-letter, and name the records that come again. */
export async function runBatch<Schema extends StandardSchemaV1, Prepared>(
  records: readonly SQSRecord[],
  options: BatchOptions<Schema, Prepared>,
): Promise<{ failed: SQSRecord[]; summary: BatchSummary }> {
  type Body = StandardSchemaV1.InferOutput<Schema>;
  const { settings, way, pace } = options;
  const meter = new Meter();
  await crashPoint('batch-received');
  const arrivals = await Promise.all(records.map((record) => arrive(record, options)));
  const followers = mergeCopies(arrivals);
  await recall(arrivals, followers, way, meter);
  await crashPoint('receipts-recalled');

  const work: LaneWork<Body, Prepared> = {
    prepare: (recognised, lane) => pace.measure(async () => way.prepare(recognised, lane)),
    mayStart: () => pace.mayStart(options.remainingMs()),
    deadLetter: async (arrival, error) => deadLetter(arrival, error, options),
    leaderOf: (arrival) => followers.get(arrival),
    follow: async (arrival, leader) => settleFollower(arrival, leader, work),
  };
  const riders = [...followers].filter(([follower, leader]) => ridesAlong(follower, leader));
  const aside = new Set(riders.map(([rider]) => rider));
  const lanes = [
    ...Map.groupBy(
      arrivals.filter((arrival) => !aside.has(arrival)),
      ({ lane }) => lane,
    ),
  ].map(([name, members]) => new Lane<Body, Prepared>(name, members));
  for (let open = lanes; open.length > 0; open = lanes.filter((lane) => lane.open)) {
    const units = (await Promise.all(open.map((lane) => lane.gather(work)))).flat();
    const deadline = Date.now() + options.remainingMs() - answerMs;
    const outcomes = await pace.measure(() => way.commit(units, { deadline, meter }));
    await Promise.all(open.map((lane) => lane.settle(outcomes, work)));
  }
  for (const [rider, leader] of riders) await settleFollower(rider, leader, work);
  await crashPoint('before-answer');

  const failed = failedRecords(arrivals);
  return { failed, summary: summarise(settings.consumerName, arrivals, failed, meter) };
}

/** Copies of a message in one batch: each but the first gets the first one's outcome, and is never handled (R10). */
function mergeCopies<Body>(arrivals: readonly Arrival<Body>[]): Map<Arrival<Body>, Arrival<Body>> {
  const leaders = new Map<string, Arrival<Body>>();
  const followers = new Map<Arrival<Body>, Arrival<Body>>();
  for (const arrival of arrivals) {
    if (arrival.recognised === undefined) continue;
    const leader = leaders.get(arrival.recognised.id);
    if (leader === undefined) leaders.set(arrival.recognised.id, arrival);
    else followers.set(arrival, leader);
  }
  return followers;
}

/** A true copy behind its leader in the same lane: whatever becomes of the leader, no later one can overtake the copy. */
function ridesAlong<Body>(follower: Arrival<Body>, leader: Arrival<Body>): boolean {
  return follower.lane === leader.lane && follower.recognised?.fingerprint === leader.recognised?.fingerprint;
}

/**
 * Asks about messages that SQS has handed out before: a read costs a fraction of the refused write that would tell otherwise, and
 * the handler need not run (R11).
 */
async function recall<Body, Prepared>(
  arrivals: readonly Arrival<Body>[],
  followers: ReadonlyMap<Arrival<Body>, Arrival<Body>>,
  way: Way<Body, Prepared>,
  meter: Meter,
): Promise<void> {
  const suspects = arrivals.flatMap((arrival) => {
    const { recognised } = arrival;
    if (recognised === undefined || followers.has(arrival) || recognised.message.transport.receiveCount <= 1)
      return [];
    return [{ arrival, recognised }];
  });
  const processed = await way.recall?.(
    suspects.map(({ recognised }) => recognised),
    meter,
  );
  for (const { arrival, recognised } of suspects) if (processed?.has(recognised)) arrival.settle('duplicate');
}

async function settleFollower<Body, Prepared>(
  follower: Arrival<Body>,
  leader: Arrival<Body>,
  work: LaneWork<Body, Prepared>,
): Promise<void> {
  const { outcome, error } = leader;
  const [own, first] = [follower.recognised, leader.recognised];
  if (own === undefined || first === undefined || outcome === undefined || outcome === 'retry')
    follower.settle('retry');
  else if (own.fingerprint === first.fingerprint)
    follower.settle(outcome === 'rejected' ? 'rejected' : 'duplicate', error);
  // The first one was refused for its own payload, which says nothing about this one's: it comes again, alone.
  else if (outcome === 'rejected') follower.settle('retry');
  else await rejectFollower(follower, new KeyReused(own.id, first.fingerprint, own.fingerprint), work);
}

async function rejectFollower<Body, Prepared>(
  follower: Arrival<Body>,
  error: KeyReused,
  work: LaneWork<Body, Prepared>,
): Promise<void> {
  try {
    await work.deadLetter(follower, error);
    follower.settle('rejected', error);
  } catch (cause) {
    follower.settle('retry', cause);
  }
}

async function deadLetter<Schema extends StandardSchemaV1, Prepared>(
  { record, recognised }: Arrival<StandardSchemaV1.InferOutput<Schema>>,
  error: unknown,
  { settings, deadLetterClient }: BatchOptions<Schema, Prepared>,
): Promise<void> {
  const { MessageGroupId, SequenceNumber, SentTimestamp, ApproximateReceiveCount } = record.attributes;
  await crashPoint('before-dead-letter');
  await sendDeadLetter(await deadLetterClient(), settings.deadLetterQueueUrl, record, {
    reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    consumerName: settings.consumerName,
    key: recognised?.message.key,
    stream: record.eventSourceARN,
    group: MessageGroupId,
    sequence: SequenceNumber,
    firstEnqueue: new Date(Number(SentTimestamp)).toISOString(),
    attempts: Number(ApproximateReceiveCount),
  });
  await crashPoint('after-dead-letter');
}

/** The records to hand back: those without a final outcome and, to keep the order, all later ones of their lane. */
function failedRecords<Body>(arrivals: readonly Arrival<Body>[]): SQSRecord[] {
  const closed = new Set<string>();
  return arrivals.flatMap(({ lane, outcome, record }) => {
    if (outcome === undefined || outcome === 'retry') closed.add(lane);
    return closed.has(lane) ? [record] : [];
  });
}

function summarise<Body>(
  consumer: string,
  arrivals: readonly Arrival<Body>[],
  failed: readonly SQSRecord[],
  { writeUnits, readUnits, calls, conflicts, receiptAges }: Meter,
): BatchSummary {
  const count = (outcome: RecordOutcome) => arrivals.filter((arrival) => arrival.outcome === outcome).length;
  const problems = arrivals.flatMap(({ outcome, error, record, recognised }): Problem[] => {
    if (error === undefined || (outcome !== 'rejected' && outcome !== 'retry')) return [];
    const key = recognised?.message.key;
    return [
      { outcome, messageId: record.messageId, keyHash: key === undefined ? undefined : keyHash(key), error },
    ];
  });
  return {
    consumer,
    processed: count('processed'),
    duplicate: count('duplicate'),
    parked: count('parked'),
    rejected: count('rejected'),
    retry: failed.length,
    writeUnits,
    readUnits,
    calls,
    conflicts,
    receiptAges,
    problems,
  };
}
