import type { Limits } from './limits.js';
import type { Outcome, Outcomes } from './outcome.js';

/** A message that has an identity. */
export interface Identified {
  /** Tells messages apart in the store: a receipt's id, a row's address, a position. */
  readonly id: string;
  /** Of what the message says (R5). */
  readonly fingerprint: string;
}

/** Whose turn it is. */
export interface Turn {
  /** Messages of one lane commit in order, or not at all. */
  readonly lane: string;
  /**
   * Earlier messages of the lane are prepared and not committed. What a handler reads now may change by them, so an
   * effect outside the store must not be made (throw {@link NotItsTurn}), and what it throws is no verdict (R47).
   */
  readonly ahead: boolean;
  readonly limits: () => Limits;
}

/** A message that is ready to be committed. */
export interface Prepared {
  readonly lane: string;
  /**
   * It has read the store or made an effect: nothing behind it in its lane is prepared before it is committed (R47).
   */
  readonly looked?: boolean;
}

/**
 * An event that had been parked, whose turn came in a commit, and that failed. It is judged itself, never its carrier
 * (R50).
 */
export interface FailedParked {
  readonly position: Position;
  /** All that was kept of it: see `Way.restore`. */
  readonly carried: string;
  readonly fingerprint: string;
  readonly error: unknown;
}

export interface Committed<Unit> {
  readonly outcomes: Outcomes<Unit>;
  /** Parked events that failed in their turn. Each is still parked. @default - none */
  readonly failedParked?: readonly FailedParked[];
}

/**
 * The port of a store: one of the ways to commit a message together with its effects. `prepare` may open a real
 * transaction or only collect writes.
 *
 * A way guarantees: of all commits of messages with one identity, whoever makes them, however often, and whether or
 * not answers are lost, the effects of at most one become durable; `processed` and `duplicate` are said only when
 * that one is durable; within a lane a message commits only with or after the earlier ones or, in a way that keeps
 * {@link Positions}, the earlier ones of its stream. `wayContract` in test/contract holds each store to it.
 */
export interface Way<Message extends Identified, Unit extends Prepared> {
  /**
   * Its receipts expire, so a message older than these cannot be told from a copy of one that acted (R50). @default
   * false
   */
  readonly forgets?: boolean;
  /** Runs before each batch. What it throws fails the batch. @default - nothing has to be made ready */
  ready?(limits: Limits): Promise<void>;
  /**
   * Runs the handler, or whatever makes the message ready to be committed. Throws as a handler does; before it throws
   * because of what a handler said, it has made sure that what that handler read still stands (R47).
   */
  prepare(message: Message, turn: Turn): Unit | Promise<Unit>;
  /**
   * Commits what was prepared, keeping the order within each lane. Never throws. What is in no entry was not tried.
   *
   * @param alone nothing but these may run: a parked event whose turn comes is in `failedParked` with {@link
   *   ParkedUntried} (R46).
   */
  commit(units: readonly Unit[], limits: Limits, alone?: boolean): Promise<Committed<Unit>>;
  /**
   * What is stored of messages that may have been committed before: `duplicate`, `rejected` (their key has another
   * payload), or nothing.
   *
   * @param consistent whether it must see every commit that has been answered: before a verdict (R45). Otherwise what
   *   is found decides
   *   and what is not found proves nothing.
   * @throws DependencyFailed when it could not be read.
   * @default - the way keeps no receipts
   */
  recall?(
    messages: readonly Message[],
    limits: Limits,
    consistent: boolean,
  ): Promise<ReadonlyMap<Message, Outcome>>;
  /**
   * Keeps the order by positions of its own, so that no group of the transport has to be stopped. @default - it does
   * not
   */
  readonly positions?: Positions<Message>;
}

/** A place in a stream, as text that tells the stream from all others of the consumer. */
export interface Position {
  readonly stream: string;
  /** Decimal digits. */
  readonly sequence: string;
  /** That of the message before it in the stream, where it is not one less. */
  readonly previous?: string;
}

export interface PassedOver {
  /** The stream stands still there. */
  readonly stands: boolean;
  /** The stream went on, and a parked event failed at once. */
  readonly failedParked?: readonly FailedParked[];
}

/** What a way knows of the places of messages in their streams. */
export interface Positions<Message> {
  of(message: Message): Position;
  /**
   * The message at this position has a dead letter now. If it is the next one, the stream goes on behind it and lists
   * it as a hole (`skip`), or stands still until it comes again (`stop`). Anywhere else nothing changes.
   *
   * @throws DependencyFailed when that is not known to be written.
   */
  passOver(position: Position, how: 'skip' | 'stop', limits: Limits): Promise<PassedOver>;
}
