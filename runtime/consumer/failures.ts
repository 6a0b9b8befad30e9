import { BatchGetItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { noAttempts } from '../dedup/history.js';
import { addAttempts, attemptsId, readAttempts } from '../dynamodb/notes.js';
import { crashPoint } from '../dedup/crash-points.js';
import {
  CommitFailed,
  DependencyFailed,
  InProgressElsewhere,
  NewerRow,
  ParkedFailed,
  ProcessDied,
  RejectMessage,
  Waiting,
} from '../dedup/errors.js';
import { TooEarly } from '../dedup/fold.js';
import { groupId, queueGroup, readGroupRow, type GroupPlace, type GroupRow } from '../dynamodb/groups-row.js';
import type { Meter } from '../dedup/meter.js';
import type { Arrival } from './arrival.js';
import type { Blame } from './lane.js';
import { defaultMaxFailures, type ConsumerSettings } from './settings.js';
import { logLine } from '../telemetry/log-line.js';

type Some = Arrival<unknown>;

/** Solitary runs that end without a word before a message is held to be what kills its process. */
const deaths = 2;

/** What a consumer knows of the failures of its messages, apart from their receives (R19, R20). */
export class Failures {
  constructor(
    private readonly settings: ConsumerSettings,
    private readonly dynamodb: DynamoDBClient,
    /** Whether groups of the queue are stopped; their state is then read with each batch. */
    private readonly stopsGroups: boolean,
  ) {}

  /** The group of the queue that stops with a message. Undefined where messages of a group go on without each other. */
  groupOf({ record, resumes }: Some): GroupPlace | undefined {
    const { SequenceNumber, MessageGroupId = '' } = record.attributes;
    return this.stopsGroups && SequenceNumber !== undefined && resumes === undefined
      ? queueGroup(record.eventSourceARN, MessageGroupId)
      : undefined;
  }

  /**
   * Reads what is known of messages that were delivered before, and the state of their groups, with one call or none. A group's state is
   * read consistently: SQS hands a message out only after the one that stopped its group is acknowledged, and that is after the stop.
   */
  async recall(arrivals: readonly Some[], meter: Meter): Promise<Map<string, GroupRow>> {
    const groups = new Map<string, GroupRow>();
    const { dedupTable, consumerName } = this.settings;
    const again = arrivals.filter(({ receiveCount }) => receiveCount > 1);
    if (dedupTable === undefined) {
      // Receives are all there is to count.
      for (const arrival of again) arrival.history = { ...noAttempts, failed: arrival.receiveCount - 1 };
      return groups;
    }
    const attempts = new Map(
      again.map((arrival) => [attemptsId(consumerName, arrival.record.messageId), arrival]),
    );
    const streams = arrivals.flatMap((arrival) => this.groupOf(arrival)?.stream ?? []);
    const ids = [...new Set(streams)].map((stream) => groupId(consumerName, stream));
    const rows = await this.#readOrNothing([...attempts.keys(), ...ids], meter);
    for (const row of rows ?? []) {
      const arrival = attempts.get(row.id?.S ?? '');
      if (arrival !== undefined) arrival.history = readAttempts(row);
      else groups.set(row.stream?.S ?? '', readGroupRow(row));
    }
    for (const arrival of rows === undefined ? [] : again) {
      const { excused, failed } = arrival.history;
      arrival.unexplained = Math.max(0, arrival.receiveCount - 1 - excused - failed);
    }
    return groups;
  }

  /** Reads what is known of messages that come out of parking rows: nobody receives those. */
  async recallParked(arrivals: readonly Some[], meter: Meter): Promise<void> {
    const idOf = ({ record }: Some) => attemptsId(this.settings.consumerName, record.messageId);
    const rows = await this.#read([...new Set(arrivals.map(idOf))], meter);
    for (const arrival of arrivals) {
      const row = rows.find(({ id }) => id?.S === idOf(arrival));
      if (row !== undefined) arrival.history = readAttempts(row);
    }
  }

  blame(arrival: Some, error: unknown): Blame {
    if (error instanceof ParkedFailed && error.cause instanceof RejectMessage) return 'final';
    if (!isOwn(error)) return 'none';
    return this.count(arrival) >= (this.settings.maxFailures ?? defaultMaxFailures) ? 'final' : 'own';
  }

  /** Failures of a message, the present one included. Receives of which nothing is known are none: a bad deployment makes many. */
  count({ history: { failed, alone } }: Some): number {
    return failed + alone + 1;
  }

  /**
   * Before a crash suspect runs alone: writes down that it does, so that its neighbours are never taken for it. One that has not come
   * back from that is not run any more. Never throws.
   */
  async admit(suspect: Some, meter: Meter): Promise<void> {
    suspect.admitted = true;
    const { alone } = suspect.history;
    const { maxFailures = defaultMaxFailures } = this.settings;
    if (suspect.unexplained >= maxFailures && alone >= deaths)
      suspect.unrun = new ProcessDied(suspect.record.messageId, alone);
    else
      try {
        await this.#add(suspect, { alone: 1 }, undefined, meter);
        suspect.begun = true;
        await crashPoint('suspect-started');
      } catch (cause) {
        suspect.unrun = new CommitFailed('a crash suspect is not run before that is written down', { cause });
      }
  }

  /** Once a crash suspect has been read: if it kills its process now, its key may be asked for. Never throws. */
  async noteReadable(suspect: Some, meter: Meter): Promise<void> {
    if (suspect.history.readable) return;
    try {
      await this.#add(suspect, { readable: 1 }, undefined, meter);
    } catch (cause) {
      suspect.unrun = new CommitFailed('a crash suspect is not run before that is written down', { cause });
    }
  }

  /** Writes down why messages come again. Where that fails they have been received once more, and nothing else is known. */
  async note(handedBack: readonly Some[], meter: Meter): Promise<void> {
    if (this.settings.dedupTable === undefined || handedBack.length === 0) return;
    await crashPoint('before-attempts');
    await Promise.allSettled(
      handedBack.map(async (arrival) => {
        const { failed, error, begun } = arrival;
        const alone = begun ? { alone: -1 } : {};
        if (failed) await this.#add(arrival, { failed: 1, ...alone }, reasonOf(error), meter);
        else await this.#add(arrival, { excused: 1, ...alone }, undefined, meter);
      }),
    );
    await crashPoint('after-attempts');
  }

  async #add(
    { record }: Some,
    change: Parameters<typeof addAttempts>[3],
    reason: string | undefined,
    meter: Meter,
  ): Promise<void> {
    const { dedupTable = '', consumerName } = this.settings;
    const id = attemptsId(consumerName, record.messageId);
    await addAttempts(this.dynamodb, dedupTable, id, change, reason, meter);
  }

  /** Where no group could be stopped, messages are handled without what is known of them: then nobody is suspected. */
  async #readOrNothing(ids: readonly string[], meter: Meter) {
    try {
      return await this.#read(ids, meter);
    } catch (error) {
      if (this.stopsGroups) throw error;
      logLine({ exactlyOnce: 'failures not read', error: String(error) });
      return undefined;
    }
  }

  async #read(ids: readonly string[], meter: Meter) {
    const { dedupTable = '' } = this.settings;
    if (ids.length === 0) return [];
    meter.call();
    const { Responses, ConsumedCapacity } = await this.dynamodb.send(
      new BatchGetItemCommand({
        RequestItems: {
          [dedupTable]: { Keys: ids.map((id) => ({ id: { S: id } })), ConsistentRead: true },
        },
        ReturnConsumedCapacity: 'TOTAL',
      }),
    );
    meter.read(ConsumedCapacity);
    return Responses?.[dedupTable] ?? [];
  }
}

/** A failure that says something of the message, and not of what it needs. */
function isOwn(error: unknown): boolean {
  if (error instanceof CommitFailed)
    return error.cause instanceof Error && messagesFault.has(error.cause.name);
  return !(
    error instanceof DependencyFailed ||
    error instanceof Waiting ||
    error instanceof TooEarly ||
    error instanceof InProgressElsewhere ||
    error instanceof NewerRow
  );
}

/** What DynamoDB says to a request that is wrong by itself. Throttling, conflicts, outages and missing permissions pass. */
const messagesFault = new Set([
  'ValidationException',
  'TransactionCanceledException',
  'ItemCollectionSizeLimitExceededException',
  'SerializationException',
]);

export function reasonOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
