import { createHash } from 'node:crypto';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { SQSRecord } from 'aws-lambda';
import { crashPoint } from '../dedup/crash-points.js';
import { KeyReused, ParkedFailed, ProcessDied, RejectMessage } from '../dedup/errors.js';
import type { GroupHead, GroupPlace, GroupRow } from '../dynamodb/groups-row.js';
import { assertParkable, type GroupStore, type ParkedMessage } from '../dynamodb/parking.js';
import type { Limits } from '../dedup/limits.js';
import { Arrival, type Recognised } from './arrival.js';
import { letterOf, sendDeadLetter, type DeadLetterKind, type LetterPosition } from '../sqs/dead-letter.js';
import { reasonOf, type Failures } from './failures.js';
import type { GivenUp } from './lane.js';
import type { ConsumerSettings, OnFailure } from './settings.js';
import type { Tally } from './summary.js';
import type { Positions, Way } from './way.js';

export interface GiveUpOptions<Body> {
  readonly settings: ConsumerSettings;
  readonly onFailure: OnFailure;
  readonly way: Pick<Way<Body, unknown>, 'positions'>;
  readonly failures: Failures;
  /** Undefined without a dedup table. */
  readonly groups: GroupStore | undefined;
  readonly deadLetterClient: () => Promise<SQSClient>;
  readonly limits: () => Limits;
  readonly tally: Tally;
}

/** What happens to messages that are not tried again, and to those behind them (R23). */
export class GiveUp<Body> {
  readonly #givenUp = new Set<string>();

  /** Groups that have been stopped, as they were last seen. */
  readonly stopped = new Map<string, GroupRow>();

  constructor(private readonly options: GiveUpOptions<Body>) {}

  async giveUp(arrival: Arrival<Body>, error: unknown): Promise<GivenUp> {
    const { positions } = this.options.way;
    if (error instanceof ParkedFailed && positions !== undefined) {
      await this.#giveUpParked(arrival, error, positions);
      // It was held back for the parked one only.
      return { outcome: error.carrier, stops: false };
    }
    // The place in the order belongs to the payload that came first: nobody waits for this one.
    const place = error instanceof KeyReused ? undefined : this.options.failures.groupOf(arrival);
    const { recognised } = arrival;
    if (place !== undefined) assertParkable(parkable(arrival.record));
    await this.deadLetter(arrival, error);
    await crashPoint('before-stop');
    if (place !== undefined) {
      await this.#stop(place, arrival, error);
      return { outcome: 'rejected', stops: true };
    }
    if (positions !== undefined && recognised !== undefined && !(error instanceof KeyReused))
      await this.#passOver(arrival, recognised, positions, error);
    return { outcome: 'rejected', stops: false };
  }

  /** Sends the dead letter of a message. Rejects when that fails. */
  async deadLetter(arrival: Arrival<Body>, error: unknown, position?: LetterPosition): Promise<void> {
    const { settings, deadLetterClient, failures, tally, way } = this.options;
    const { record, recognised } = arrival;
    const kind = kindOf(error);
    const { key, sequence, firstEnqueue } = headOf(arrival);
    await crashPoint('before-dead-letter');
    await sendDeadLetter(await deadLetterClient(), settings.deadLetterQueueUrl, record, {
      reason: reasonOf(error),
      kind,
      consumerName: settings.consumerName,
      key,
      sequence,
      firstEnqueue,
      stream: record.eventSourceARN,
      group: record.attributes.MessageGroupId,
      position: position ?? (recognised && way.positions?.of(recognised)),
      attempts: failures.count(arrival),
      redrives: letterOf(record)?.redrives,
    });
    tally.dead[kind] += 1;
    await crashPoint('after-dead-letter');
  }

  /** Keeps messages of a stopped group, from the first on as many as fit. */
  async park(arrivals: readonly Arrival<Body>[]): Promise<number> {
    const { groups, failures, limits } = this.options;
    const [first] = arrivals;
    const place = first && failures.groupOf(first);
    const row = place && this.stopped.get(place.stream);
    if (row === undefined || groups === undefined) return 0;
    const messages: ParkedMessage[] = [];
    for (const { record } of arrivals) {
      const message = parkable(record);
      try {
        assertParkable(message);
      } catch (error) {
        if (messages.length === 0) throw error;
        break;
      }
      messages.push(message);
    }
    this.stopped.set(row.stream, await groups.park(row, messages, limits().meter));
    await crashPoint('after-parking');
    return messages.length;
  }

  async #stop(place: GroupPlace, arrival: Arrival<Body>, error: unknown): Promise<void> {
    const { groups, limits, tally } = this.options;
    tally.stopped += 1;
    if (groups === undefined) return;
    const { meter } = limits();
    const seen =
      place.kind === 'group' ? this.stopped.get(place.stream) : await groups.read(place.stream, meter);
    const message = parkable(arrival.record);
    const row = await groups.stop(seen, place, headOf(arrival), reasonOf(error), message, meter);
    this.stopped.set(place.stream, row);
    await crashPoint('after-stop');
  }

  async #giveUpParked(
    carrier: Arrival<Body>,
    error: ParkedFailed,
    positions: Positions<Body>,
  ): Promise<void> {
    const { recognised } = carrier;
    const id = `${error.stream}@${error.version}`;
    // One of its carriers has done it already.
    if (recognised === undefined || this.#givenUp.has(id)) return;
    const { stream } = positions.of(recognised);
    const parked = new Arrival<Body>(positions.restore(error, carrier.record));
    await this.deadLetter(parked, error, { stream, sequence: error.version.toString() });
    this.#givenUp.add(id);
    await crashPoint('before-stop');
    await this.#passOver(parked, recognised, positions, error, error.version);
  }

  /** @param recognised the message itself or, of one that was parked, its carrier */
  async #passOver(
    head: Arrival<Body>,
    recognised: Recognised<Body>,
    positions: Positions<Body>,
    error: unknown,
    version?: bigint,
  ): Promise<void> {
    const { onFailure, limits } = this.options;
    const { stands, stuck } = await positions.passOver(recognised, onFailure, limits(), version);
    if (stands) await this.#stop(aggregatePlace(positions.of(recognised).stream, head), head, error);
    // The present message is about to be acknowledged, and nobody else would try the parked one again.
    if (stuck !== undefined)
      await this.#giveUpParked(new Arrival<Body>(head.record, recognised), stuck, positions);
  }
}

export function headOf({ record, recognised }: Arrival<unknown>): GroupHead {
  const letter = letterOf(record);
  return {
    key: recognised?.message.key,
    sequence: letter?.sequence ?? record.attributes.SequenceNumber,
    messageId: record.messageId,
    // A redriven copy is as old as its first ancestor: the horizon counts from there (R8).
    firstEnqueue: letter?.firstEnqueue ?? new Date(Number(record.attributes.SentTimestamp)).toISOString(),
  };
}

function parkable(record: SQSRecord): ParkedMessage {
  return { messageId: record.messageId, text: JSON.stringify(record) };
}

/** DynamoDB keys have at most 2,048 bytes, of which the rest of the row's id takes some. */
const longestStream = 1_500;

/** Under which name a stream of an aggregate is listed. */
export function groupStreamOf(stream: string): string {
  if (Buffer.byteLength(stream) <= longestStream) return stream;
  return createHash('sha256').update(stream).digest('hex');
}

/** One stream of an aggregate, wherever its messages come from. */
export function aggregatePlace(stream: string, { record }: Arrival<unknown>): GroupPlace {
  return {
    stream: groupStreamOf(stream),
    kind: 'aggregate',
    queueArn: record.eventSourceARN,
    group: record.attributes.MessageGroupId,
  };
}

function kindOf(error: unknown): DeadLetterKind {
  if (error instanceof ProcessDied) return 'died';
  if (error instanceof ParkedFailed) return 'parked';
  return error instanceof RejectMessage ? 'rejected' : 'failed';
}
