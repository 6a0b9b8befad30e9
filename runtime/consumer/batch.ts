import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { SQSRecord } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { KeyReused } from '../dedup/errors.js';
import { Meter } from '../dedup/meter.js';
import { Arrival, recognise, type Recognition } from './arrival.js';
import { Lane } from './lane.js';
import type { Pace } from './pace.js';
import { runLanes, type RoundsWork } from './rounds.js';
import type { ConsumerSettings } from './settings.js';
import type { Way } from './way.js';
import { keyHash, newTally, type BatchSummary, type Problem, type RecordOutcome } from './summary.js';
import type { Trouble } from './trouble.js';

export interface BatchOptions<Schema extends StandardSchemaV1, Prepared> extends Recognition<Schema> {
  readonly settings: ConsumerSettings;
  readonly way: Way<StandardSchemaV1.InferOutput<Schema>, Prepared>;
  readonly dynamodb: DynamoDBClient;
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
  const { settings, way, pace, remainingMs } = options;
  const meter = new Meter();
  const tally = newTally();
  await crashPoint('batch-received');
  const { onFailure = way.positions === undefined ? 'skip' : 'stop', dedupTable, consumerName } = settings;
  const stopsGroups = onFailure === 'stop' && way.positions === undefined && dedupTable !== undefined;
  const limits = () => ({ deadline: Date.now() + remainingMs() - answerMs, meter });
  let loaded: Trouble<Schema, Prepared> | undefined;
  const trouble = async () => {
    if (loaded !== undefined) return loaded;
    const { Trouble } = await import('./trouble.js');
    return (loaded ??= new Trouble({ ...options, onFailure, stopsGroups, limits, tally }));
  };
  await way.ready?.(options.deadLetterClient);
  const arrivals = records.map((record) => new Arrival<Body>(record));
  if (stopsGroups || arrivals.some(({ receiveCount }) => receiveCount > 1))
    await (await trouble()).recall(arrivals);
  // Only the acknowledgement of these was lost. They decide about no copy: one that was redriven is to act.
  for (const arrival of arrivals) if (arrival.history.parked) arrival.settle('parked');
  // A suspect is read in its turn: what kills the process may be the schema, or the selector of the key.
  const readable = arrivals.filter(({ outcome, isSuspect }) => outcome === undefined && !isSuspect);
  await Promise.all(readable.map((arrival) => recognise(arrival, options)));
  const followers = mergeCopies(arrivals);
  await recall(arrivals, followers, way, meter);
  await crashPoint('receipts-recalled');

  const work: RoundsWork<Body, Prepared> = {
    prepare: (recognised, lane) =>
      pace.measure(async () => way.prepare(recognised, lane, options.remainingMs)),
    commit: (units) => pace.measure(() => way.commit(units, limits())),
    mayStart: () => pace.mayStart(remainingMs()),
    blame: async (arrival, error) => (await trouble()).failures.blame(arrival, error),
    async admit(suspect) {
      const { failures } = await trouble();
      await failures.admit(suspect, meter);
      if (suspect.unrun !== undefined && !suspect.history.readable) return;
      await recognise(suspect, options);
      if (suspect.unrun !== undefined) return;
      await recall([suspect], followers, way, meter);
      if (suspect.outcome === undefined) await failures.noteReadable(suspect, meter);
    },
    giveUp: async (arrival, error) => (await trouble()).giveUp.giveUp(arrival, error),
    park: async (members) => (await trouble()).giveUp.park(members),
    leaderOf: (arrival) => followers.get(arrival),
    follow: async (arrival, leader) => settleFollower(arrival, leader, work),
  };
  const riders = [...followers].filter(([follower, leader]) => ridesAlong(follower, leader));
  const aside = new Set(riders.map(([rider]) => rider));
  const inLanes = arrivals.filter((arrival) => arrival.resumes === undefined && !aside.has(arrival));
  const lanes = await Promise.all(
    [...Map.groupBy(inLanes, ({ lane }) => lane)].map(async ([name, members]) => {
      const lane = new Lane<Body, Prepared>(name, members);
      const [first] = members;
      if (first !== undefined && loaded?.isStopped(first) === true) await lane.park(work);
      return lane;
    }),
  );
  await runLanes(lanes, work);
  for (const [rider, leader] of riders) await settleFollower(rider, leader, work);
  for (const nudge of arrivals)
    if (nudge.resumes === undefined) continue;
    else if (pace.mayStart(remainingMs())) await (await trouble()).resume(nudge, nudge.resumes, work);
    else nudge.settle('retry');

  const back = handedBack(arrivals);
  if (back.length > 0) await (await trouble()).handBack(back);
  await crashPoint('before-answer');
  const summary = summarise(consumerName, arrivals, back, meter);
  return { failed: back.map(({ record }) => record), summary: { ...summary, ...tally } };
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
  const again = arrivals.flatMap((arrival) => {
    const { recognised, receiveCount } = arrival;
    if (recognised === undefined || followers.has(arrival) || receiveCount <= 1) return [];
    return [{ arrival, recognised }];
  });
  const processed = await way.recall?.(
    again.map(({ recognised }) => recognised),
    meter,
  );
  for (const { arrival, recognised } of again) if (processed?.has(recognised)) arrival.settle('duplicate');
}

async function settleFollower<Body, Prepared>(
  follower: Arrival<Body>,
  leader: Arrival<Body>,
  work: RoundsWork<Body, Prepared>,
): Promise<void> {
  const { outcome, error } = leader;
  const [own, first] = [follower.recognised, leader.recognised];
  if (own === undefined || first === undefined || outcome === undefined || outcome === 'retry')
    follower.settle('retry');
  else if (own.fingerprint === first.fingerprint)
    follower.settle(outcome === 'rejected' ? 'rejected' : 'duplicate', error);
  // The first one was refused for its own payload, or has not acted yet, which says nothing about this one's: it comes again, alone.
  else if (outcome === 'rejected' || outcome === 'parked') follower.settle('retry');
  else await rejectFollower(follower, new KeyReused(own.id, first.fingerprint, own.fingerprint), work);
}

async function rejectFollower<Body, Prepared>(
  follower: Arrival<Body>,
  error: KeyReused,
  work: RoundsWork<Body, Prepared>,
): Promise<void> {
  try {
    await work.giveUp(follower, error);
    follower.settle('rejected', error);
  } catch (cause) {
    follower.settle('retry', cause);
  }
}

/** Those that come again: without a final outcome and, to keep the order, all later ones of their lane. */
function handedBack<Body>(arrivals: readonly Arrival<Body>[]): Arrival<Body>[] {
  const closed = new Set<string>();
  return arrivals.filter(({ lane, outcome }) => {
    if (outcome === undefined || outcome === 'retry') closed.add(lane);
    return closed.has(lane);
  });
}

function summarise<Body>(
  consumer: string,
  arrivals: readonly Arrival<Body>[],
  back: readonly Arrival<Body>[],
  { writeUnits, readUnits, calls, conflicts, receiptAges }: Meter,
): Omit<BatchSummary, 'dead' | 'stopped'> {
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
    retry: back.length,
    excused: back.filter(({ failed }) => !failed).length,
    writeUnits,
    readUnits,
    calls,
    conflicts,
    receiptAges,
    problems,
  };
}
