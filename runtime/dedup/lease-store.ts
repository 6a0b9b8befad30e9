import { InvalidKey, InvalidSettings } from './errors.js';
import { receiptId } from './identity.js';

/**
 * `INPROGRESS` and `COMPLETED` are those of Powertools. `UNKNOWN`: the outcome is not known. `FREE`: nothing
 * happened, anybody may claim it. Powertools' own layer takes neither of the last two for an outcome.
 */
export type LeaseStatus = 'INPROGRESS' | 'COMPLETED' | 'UNKNOWN' | 'FREE';

/** A stored lease. Times are epoch milliseconds unless they say otherwise. */
export interface LeaseRow {
  readonly id: string;
  readonly status: string;
  /** Token of the last claim; undefined in a row of Powertools. */
  readonly fence: string | undefined;
  /** End of the last claim by its owner's clock. 0 when Powertools did not know it. */
  readonly endsAt: number;
  /** When the first call whose outcome is unknown may have been made. */
  readonly firstCallAt: number;
  /** Epoch seconds, for DynamoDB's TTL. */
  readonly expiration: number;
  /** JSON text. Undefined in a row of Powertools. */
  readonly args: string | undefined;
  /** Powertools' hash of the payload. */
  readonly validation: string | undefined;
  readonly result: unknown;
  /** The effect has happened, and why its result could not be kept. */
  readonly lost: string | undefined;
  /** Why the outcome is unknown, or why it was unlocked. */
  readonly reason: string | undefined;
  /** It is listed for a person to look at. */
  readonly blocked: boolean;
}

/** What is to be claimed. */
export interface LeaseDraft {
  readonly id: string;
  readonly durationMs: number;
  /** JSON text, stored once: later claims find what the first one stored. */
  readonly args?: string;
  /** Powertools' hash of the payload. */
  readonly validation?: string;
}

/** A lease that the caller holds. Times are epoch milliseconds by its own clock. */
export interface Lease {
  readonly id: string;
  /** Fencing token: random, so that a row that was freed and claimed anew never comes round to the same one. */
  readonly fence: string;
  readonly endsAt: number;
  /**
   * When the claim was sent, by `performance.now()`: what is left of the lease is counted from here, by a clock that
   * nobody sets.
   */
  readonly sentAt: number;
  readonly args: string | undefined;
  /** An earlier owner may have made the effect. */
  readonly inDoubt: boolean;
}

/**
 * The port of a store for leases on effects that no transaction can hold.
 *
 * Guarantees: of several claimants of one row one gets it; whatever an owner says after another has taken the row
 * over is refused, whoever's clock is right. It does not know when a lease is over: that is `decide`'s part.
 *
 * Every write throws CommitFailed when its outcome is not known.
 */
export interface LeaseStore {
  /** The command of a person who says what became of an effect, without its arguments. */
  readonly unlocking: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The row as it is now, consistently; undefined when there is none. */
  read(id: string): Promise<LeaseRow | undefined>;
  /**
   * Claims the row: a new one, or over the one that was seen, as long as it is still as it was.
   *
   * @returns the lease, or the row that is in the way.
   */
  claim(
    draft: LeaseDraft,
    over?: { readonly row: LeaseRow; readonly inDoubt: boolean },
  ): Promise<Lease | LeaseRow>;
  /**
   * Writes the outcome down. @returns false when the lease is not the caller's.
   *
   * @throws UnserialisableValue when the store cannot hold the result; nothing is written.
   */
  complete(lease: Lease, result: unknown): Promise<boolean>;
  /**
   * Writes down that the effect has happened and that its result cannot be kept, and lists it for a person.
   *
   * @returns false when the lease is not the caller's.
   */
  completeWithout(lease: Lease, consumerName: string, reason: string): Promise<boolean>;
  /** Nothing happened: anybody may claim it. @returns false when it is not the caller's. */
  free(lease: Lease): Promise<boolean>;
  /** Nobody knows what happened. @returns false when it is not the caller's. */
  unknown(lease: Lease, reason: string): Promise<boolean>;
  /** Prolongs the lease from now on. @returns it, or undefined when it is not the caller's. */
  renew(lease: Lease, durationMs: number): Promise<Lease | undefined>;
  /** Lists a row whose effect must wait for a person. @returns false when the row is no longer as it was seen. */
  block(row: LeaseRow, consumerName: string, reason: string): Promise<boolean>;
  /**
   * A person's word on an effect whose outcome was unknown. @returns false when the row is no longer as it was seen.
   */
  unlock(
    row: LeaseRow,
    outcome: { readonly kind: 'done'; readonly result: unknown } | { readonly kind: 'not-done' },
    reason: string,
  ): Promise<boolean>;
}

/**
 * Whether a row of the table is a lease: of an effect, or of Powertools. Receipts, jobs, groups and whatever else is
 * there have names of their own behind the `!`, or another status.
 */
export function isLease({ id, status }: Pick<LeaseRow, 'id' | 'status'>): boolean {
  const statuses: readonly string[] = ['INPROGRESS', 'COMPLETED', 'UNKNOWN', 'FREE'] satisfies LeaseStatus[];
  return statuses.includes(status) && !/^[A-Za-z0-9_.-]+!(?!once#)/.test(id);
}

const effectNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;
/** DynamoDB: a partition key holds at most 2,048 bytes. */
const maxIdBytes = 2048;

/**
 * Id of the lease of one effect of one message. The `!` keeps it apart from every receipt, because no consumer name
 * holds one.
 *
 * @throws InvalidSettings when the effect's name is not 1 to 64 of `A-Z a-z 0-9 _ . -`.
 * @throws InvalidKey when the key cannot identify a message, see `receiptId`.
 */
export function leaseId(consumerName: string, effectName: string, key: string): string {
  if (!effectNamePattern.test(effectName))
    throw new InvalidSettings([
      `name of an effect must be 1 to 64 of A-Z a-z 0-9 _ . -, got '${effectName.slice(0, 80)}'; choose a stable name`,
    ]);
  receiptId(consumerName, key);
  const id = `${consumerName}!once#${effectName}#${key}`;
  if (Buffer.byteLength(id) > maxIdBytes)
    throw new InvalidKey(
      consumerName,
      `with the names of consumer and effect it has more than ${maxIdBytes} bytes; use a hash of it`,
    );
  return id;
}
