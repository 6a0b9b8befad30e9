import type { Limits } from '../dedup/limits.js';
import type { Position } from '../dedup/way.js';
import type { DeadLetter } from './dead-letter.js';
import type { TransportFacts } from './message.js';

/** One delivery of a message, in words that all transports share. */
export interface Delivery {
  /**
   * The message at its transport, the same in each delivery of it. For logs and for what is known of failures; never
   * an identity.
   */
  readonly id: string;
  /**
   * Deliveries of one lane keep their order: a FIFO group is one, and where nothing is ordered every message is its
   * own.
   */
  readonly lane: string;
  /** The lane holds more than this message. */
  readonly ordered: boolean;
  /** How often the transport has handed it out, this time included. Undefined where it does not count. */
  readonly deliveries: number | undefined;
  readonly text: string;
  /** The producer's string attributes. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly group: string | undefined;
  /** Number that the transport gave it within its group. */
  readonly sequence: string | undefined;
  /** Where it came from: the queue's ARN. */
  readonly source: string;
  readonly facts: TransportFacts;
  /** What a redriven copy says of itself. */
  readonly letter: Partial<DeadLetter> | undefined;
  /** What an operator asks for by it: then it is no message of the producer. */
  readonly nudge: Nudge | undefined;
}

/**
 * What an operator asks a consumer for: to drain the group of that name, or to pass over a version that does not
 * come.
 */
export type Nudge = { readonly resumes: string } | { readonly passOver: PassOver };

/** A version to go on behind, and whose consumer is meant: two may read one stream, each from a queue of its own. */
export interface PassOver extends Position {
  readonly consumerName: string;
}

/** How long a message that comes again is kept back. */
export interface Deferral<D extends Delivery> {
  readonly delivery: D;
  readonly seconds: number;
}

/** The port of a transport: what the engine needs to know of a queue or a log. */
export interface Transport<Raw, D extends Delivery> {
  /** Whether its groups can be stopped. Otherwise nobody looks for any that stand still. */
  readonly stopsGroups: boolean;
  /** Pure; never throws. */
  read(raw: Raw): D;
  /**
   * Sends a copy to the dead letters. A copy can always be sent: what has no room is left out or stored elsewhere
   * (R51).
   *
   * @throws DependencyFailed when it is not known to be sent.
   */
  deadLetter(delivery: D, letter: DeadLetter, limits: Limits): Promise<void>;
  /**
   * Has messages come again after a while. Never throws: what is not deferred comes when the transport has it come.
   */
  defer(deferrals: readonly Deferral<D>[], limits: Limits): Promise<void>;
  /** A delivery as text, to be parked, and back. */
  pack(delivery: D): string;
  unpack(text: string): D;
  /** A delivery like the one that was parked inside of an aggregate: same content, made-up id. */
  restore(parked: { readonly carried: string; readonly position: Position }, carrier: D): Promise<D>;
}
