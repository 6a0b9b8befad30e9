import { createHash } from 'node:crypto';
import { crashPoint } from '../dedup/crash-points.js';
import { DependencyFailed, isFinal, KeyReused, ProcessDied } from '../dedup/errors.js';
import type { FailureStore } from '../dedup/failure-store.js';
import { transportGroup, type Group, type GroupHead, type GroupPlace } from '../dedup/group.js';
import type { Limits } from '../dedup/limits.js';
import type { DeadLetterKind } from '../dedup/outcome.js';
import type { FailedParked, Position, Positions } from '../dedup/way.js';
import type { Arrival } from './arrival.js';
import { type Recognised } from './arrival.js';
import { attemptsOf, headOf, reasonOf } from './failures.js';
import type { OnFailure } from './settings.js';
import { StopPostponed } from './stop-gate.js';
import type { Tally } from './summary.js';
import type { Delivery, Transport } from './transport.js';

/**
 * What happens behind a message that has a dead letter: other for one that was delivered than for one that is
 * drained.
 */
export interface GiveUpOrigin<Body, D extends Delivery> {
  /** Whether the group of these stood still when it was read, or could not be read. */
  standsStill(waiting: readonly Arrival<Body, D>[]): boolean;
  /** From when on the group of a message may be stopped, in epoch milliseconds. */
  stopsFrom(arrival: Arrival<Body, D>): number;
  /** Stops the group of a message that has its dead letter. @returns whether there was one to stop. */
  stop(arrival: Arrival<Body, D>, error: unknown): Promise<boolean>;
  /** Keeps messages of a stopped group, from the first. @returns how many of them. */
  park(arrivals: readonly Arrival<Body, D>[]): Promise<number>;
}

export interface GiveUpOptions<Body, D extends Delivery> {
  readonly consumerName: string;
  readonly onFailure: OnFailure;
  readonly transport: Transport<unknown, D>;
  readonly positions: Positions<Recognised<Body>> | undefined;
  readonly store: FailureStore | undefined;
  readonly limits: () => Limits;
  readonly tally: Tally;
}

/** What happens to messages that are not tried again, and to those behind them (R23). */
export class GiveUp<Body, D extends Delivery> {
  readonly #options: GiveUpOptions<Body, D>;

  constructor(options: GiveUpOptions<Body, D>) {
    this.#options = options;
  }

  /**
   * Sends the dead letter, and does what has to be done about those behind it.
   *
   * @returns whether the group of the message stands still now, and parked events whose turn came with it and that
   *   failed.
   * @throws DependencyFailed when that is not known: then nothing may be acknowledged.
   * @throws StopPostponed when its group may not be stopped yet: then it has no dead letter, either.
   */
  async giveUp(
    arrival: Arrival<Body, D>,
    error: unknown,
    origin: GiveUpOrigin<Body, D>,
  ): Promise<{ readonly stops: boolean; readonly failedParked: readonly FailedParked[] }> {
    const { positions } = this.#options;
    const { recognised } = arrival;
    const position = recognised && positions?.of(recognised);
    const stopsFrom = error instanceof KeyReused ? 0 : origin.stopsFrom(arrival);
    if (stopsFrom > Date.now()) throw new StopPostponed(stopsFrom, error);
    await this.deadLetter(arrival, error, position);
    await crashPoint('before-stop');
    // The place in the order belongs to the payload that came first: nobody waits for this one.
    if (error instanceof KeyReused) return { stops: false, failedParked: [] };
    const failedParked = position === undefined ? [] : await this.passOver(arrival, position, error);
    return { stops: await origin.stop(arrival, error), failedParked };
  }

  /** The stream of an aggregate goes on behind a position, or stands still there, and is listed. */
  async passOver(
    head: Arrival<Body, D>,
    position: Position,
    error: unknown,
  ): Promise<readonly FailedParked[]> {
    const { positions, onFailure, limits } = this.#options;
    const { stands = false, failedParked = [] } =
      (await positions?.passOver(position, onFailure, limits())) ?? {};
    if (stands) await this.#list(head, position, error);
    return failedParked;
  }

  /**
   * The same for an event that was parked and has its dead letter. It is listed first: once it is out of its
   * aggregate no message brings it again.
   */
  async passOverParked(
    parked: Arrival<Body, D>,
    position: Position,
    error: unknown,
  ): Promise<readonly FailedParked[]> {
    const { positions, onFailure, limits, store } = this.#options;
    const listed = onFailure === 'stop' ? await this.#list(parked, position, error) : undefined;
    const { stands = false, failedParked = [] } =
      (await positions?.passOver(position, onFailure, limits())) ?? {};
    // A copy of it has acted meanwhile.
    if (listed !== undefined && !stands) await store?.groups.open(listed, limits());
    return failedParked;
  }

  async deadLetter(
    arrival: Arrival<Body, D>,
    error: unknown,
    position?: Position,
    parked = false,
  ): Promise<void> {
    const { consumerName, transport, tally, limits } = this.#options;
    const { delivery } = arrival;
    const kind = parked && !(error instanceof ProcessDied) ? 'parked' : kindOf(error);
    const { key, sequence, messageId, firstEnqueue } = headOf(arrival);
    await crashPoint('before-dead-letter');
    const letter = {
      reason: reasonOf(error),
      kind,
      consumerName,
      key,
      messageId,
      sequence,
      firstEnqueue,
      stream: delivery.source,
      group: delivery.group,
      position,
      attempts: attemptsOf(arrival.history),
      redrives: delivery.letter?.redrives,
    };
    await transport.deadLetter(delivery, letter, limits());
    tally.dead[kind] += 1;
    await crashPoint('after-dead-letter');
  }

  async #list(arrival: Arrival<Body, D>, { stream }: Position, error: unknown): Promise<Group | undefined> {
    const { store, limits, tally, transport } = this.#options;
    tally.stopped += 1;
    if (store === undefined) return undefined;
    const { delivery } = arrival;
    const place: GroupPlace = {
      stream: groupStreamOf(stream),
      kind: 'aggregate',
      queueArn: delivery.source,
      group: delivery.group,
    };
    const seen = await store.groups.read(place.stream, limits());
    const listed = await store.groups.stop(seen, place, stopOf(arrival, error, transport), limits());
    await crashPoint('after-stop');
    return listed;
  }
}

/** How a group is stopped at a message. */
export function stopOf<Body, D extends Delivery>(
  arrival: Arrival<Body, D>,
  error: unknown,
  transport: Transport<unknown, D>,
): { head: GroupHead; reason: string; message: { messageId: string; text: string } } {
  const { delivery } = arrival;
  const message = { messageId: delivery.id, text: transport.pack(delivery) };
  return { head: headOf(arrival), reason: reasonOf(error), message };
}

/** DynamoDB keys have at most 2,048 bytes, of which the rest of the row's id takes some. */
const longestStream = 1_500;

/** Under which name a stream of an aggregate is listed. */
export function groupStreamOf(stream: string): string {
  if (Buffer.byteLength(stream) <= longestStream) return stream;
  return createHash('sha256').update(stream).digest('hex');
}

function kindOf(error: unknown): DeadLetterKind {
  if (error instanceof ProcessDied) return 'died';
  return isFinal(error) ? 'rejected' : 'failed';
}

/** The groups of the transport that stand still, for a batch that is delivered. */
export class StoppedGroups<Body, D extends Delivery> implements GiveUpOrigin<Body, D> {
  readonly #options: Pick<GiveUpOptions<Body, D>, 'store' | 'limits' | 'tally' | 'transport'>;
  /** Whether a message that fails for good stops its group. */
  readonly stops: boolean;
  readonly #placeOf: (delivery: D) => GroupPlace | undefined;
  readonly #seen = new Map<string, Group>();
  #unread: ReadonlySet<string> = new Set();
  #stopsFrom = 0;

  /**
   * @param stops whether messages that are given up stop their groups; those that are stopped already stand still in
   *   any case.
   * @param placeOf the group of the transport that stops with a delivery; undefined where messages go on without each
   *   other.
   */
  constructor(
    options: Pick<GiveUpOptions<Body, D>, 'store' | 'limits' | 'tally' | 'transport'>,
    stops: boolean,
    placeOf: (delivery: D) => GroupPlace | undefined,
  ) {
    this.#options = options;
    this.stops = stops;
    this.#placeOf = placeOf;
  }

  /** The groups of these that may stand still. */
  streamsOf(arrivals: readonly Arrival<Body, D>[]): string[] {
    return arrivals.flatMap(({ delivery }) => this.#placeOf(delivery)?.stream ?? []);
  }

  know(groups: ReadonlyMap<string, Group>, unread: ReadonlySet<string>, stopsFrom = 0): void {
    for (const [stream, group] of groups) this.#seen.set(stream, group);
    this.#unread = unread;
    this.#stopsFrom = stopsFrom;
  }

  stopsFrom({ delivery }: Arrival<Body, D>): number {
    return this.stops && this.#placeOf(delivery) !== undefined ? this.#stopsFrom : 0;
  }

  standsStill([first]: readonly Arrival<Body, D>[]): boolean {
    const stream = first && this.#placeOf(first.delivery)?.stream;
    if (stream === undefined) return false;
    const state = this.#seen.get(stream)?.state;
    return this.#unread.has(stream) || (state !== undefined && state !== 'open');
  }

  async stop(arrival: Arrival<Body, D>, error: unknown): Promise<boolean> {
    const { store, limits, tally, transport } = this.#options;
    const place = this.#placeOf(arrival.delivery);
    if (!this.stops || place === undefined || store === undefined) return false;
    const seen = this.#seen.get(place.stream);
    this.#seen.set(
      place.stream,
      await store.groups.stop(seen, place, stopOf(arrival, error, transport), limits()),
    );
    tally.stopped += 1;
    await crashPoint('after-stop');
    return true;
  }

  async park(arrivals: readonly Arrival<Body, D>[]): Promise<number> {
    const { store, limits, transport } = this.#options;
    const [first] = arrivals;
    const place = first && this.#placeOf(first.delivery);
    if (place === undefined || store === undefined) return 0;
    // A guard that could not be read lets nothing pass, and nothing can be put behind it either (R48).
    if (this.#unread.has(place.stream))
      throw new DependencyFailed('the state of the group could not be read');
    const row = this.#seen.get(place.stream);
    if (row === undefined) return 0;
    const messages = arrivals.map(({ delivery }) => ({
      messageId: delivery.id,
      text: transport.pack(delivery),
    }));
    this.#seen.set(row.stream, await store.groups.park(row, messages, limits()));
    await crashPoint('after-parking');
    return messages.length;
  }
}

/** The group of the transport that stops with a delivery. */
export function placeOf({ ordered, source, group, nudge }: Delivery): GroupPlace | undefined {
  return ordered && nudge === undefined ? transportGroup(source, group ?? '') : undefined;
}
