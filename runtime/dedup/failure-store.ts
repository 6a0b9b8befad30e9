import type { Group, GroupHead, GroupPlace, PackedMessage } from './group.js';
import type { History, Note } from './history.js';
import type { Limits } from './limits.js';

/** What a failure store knows of a batch. */
export interface Recalled {
  readonly histories: ReadonlyMap<string, History>;
  readonly groups: ReadonlyMap<string, Group>;
  /**
   * Ids of messages and streams of groups that could not be read. About those nothing is known: a group among them
   * lets nothing pass (R48).
   */
  readonly unread: ReadonlySet<string>;
}

/** The port of a store for what is known of failures: histories of messages, and groups that are stopped. */
export interface FailureStore {
  /**
   * Reads histories and groups, consistently. Never throws: what could not be read within the limits is in `unread`.
   *
   * @param messages ids at the transport
   * @param streams of groups
   */
  recall(messages: readonly string[], streams: readonly string[], limits: Limits): Promise<Recalled>;
  /**
   * Adds notes to histories. Tries again until the deadline. @returns those that are not known to be written. Never
   * throws.
   */
  note(notes: readonly Note[], limits: Limits): Promise<readonly Note[]>;
  /**
   * Writes down, before they run, that these are started together. All or nothing. @throws DependencyFailed when that
   * is not known.
   */
  start(messages: readonly string[], limits: Limits): Promise<void>;
  readonly groups: GroupStore;
}

/**
 * What the instances of a consumer tell each other about stopping groups, once in its life. `asked`: somebody has
 * heard that no group is stopped. `opening`: nobody hears that any more. `open`: groups may be stopped from then on,
 * in epoch milliseconds.
 */
export type Gate =
  { readonly state: 'asked' | 'opening' } | { readonly state: 'open'; readonly from: number };

/**
 * The port of a store for groups that are stopped and the messages that wait behind them. Every change is one
 * transaction under the token of the change before: nothing is parked into a group that flows again, and no message
 * is drained twice.
 *
 * Every method throws DependencyFailed when somebody else has changed the group meanwhile, or when it is not known
 * what is written: then nothing may be acknowledged.
 */
export interface GroupStore {
  /** Reads it consistently; undefined when nobody has written it. */
  readGate(limits: Limits): Promise<Gate | undefined>;
  /** @returns false, and nothing is written, when there is one and it is written `if-none`. */
  writeGate(gate: Gate, how: 'if-none' | 'over', limits: Limits): Promise<boolean>;
  read(stream: string, limits: Limits): Promise<Group | undefined>;
  /** Stops a group at a message, which becomes the first of those that wait. */
  stop(
    seen: Group | undefined,
    place: GroupPlace,
    at: { readonly head: GroupHead; readonly reason: string; readonly message: PackedMessage },
    limits: Limits,
  ): Promise<Group>;
  /** Stops a group once more, while it is drained, at the nth of those that wait. */
  stopAt(
    seen: Group,
    nth: number,
    at: { readonly head: GroupHead; readonly reason: string },
    limits: Limits,
  ): Promise<Group>;
  park(seen: Group, messages: readonly PackedMessage[], limits: Limits): Promise<Group>;
  /** The next messages to be tried again, in order; each as text. At least one. */
  next(seen: Group, limits: Limits): Promise<readonly string[]>;
  /** The next `count` messages are done with. */
  advance(seen: Group, count: number, limits: Limits): Promise<Group>;
  /** The head is passed over: it stays listed as a hole for that long, and the group goes on behind it. */
  passOver(seen: Group, retentionSeconds: number, limits: Limits): Promise<Group>;
  /** Nothing waits any more, or the head has acted in another way: the group flows again. */
  open(seen: Group, limits: Limits): Promise<Group>;
  /** Somebody has decided. */
  decide(seen: Group, state: 'resuming' | 'skipping', decision: string, limits: Limits): Promise<Group>;
}
