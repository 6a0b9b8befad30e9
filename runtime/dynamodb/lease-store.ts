import { randomUUID } from 'node:crypto';
import { GetItemCommand, type AttributeValue, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { conditionalUpdate } from './conditional-update.js';
import { leaseAbsent, leaseAsSeen, leaseOwned, type Condition } from './conditions.js';
import { briefly, InvalidSettings, UnserialisableValue } from '../dedup/errors.js';
import type { Lease, LeaseDraft, LeaseRow, LeaseStatus, LeaseStore } from '../dedup/lease-store.js';
import { effectsOf, readLease } from './lease-row.js';
import { Meter } from '../dedup/meter.js';
import { valueText } from '../dedup/value-text.js';
import { resultAttribute, rowVersion } from './receipt.js';
import { send } from './send.js';

export interface LeaseStoreOptions {
  readonly client: DynamoDBClient;
  /** The dedup table: string partition key `id`, TTL attribute `expiration`. */
  readonly tableName: string;
  /** How long an outcome is kept, in seconds: the horizon or longer (R8). */
  readonly retentionSeconds: number;
  /** Epoch milliseconds. @default - the clock of this machine */
  readonly now?: () => number;
  /** Results are stored as Powertools' own layer reads them too, where DynamoDB can hold them so. @default false */
  readonly forPowertools?: boolean;
}

type Attributes = Record<string, AttributeValue | undefined>;

/**
 * Leases on effects, as rows of the dedup table with the attributes of Powertools' own layer.
 *
 * Guarantees: of several claimants of one row one gets it; whatever an owner says after another has taken the row
 * over is refused, whoever's clock is right. It does not know when a lease is over: that is `decide`'s part.
 */
export class DynamoLeaseStore implements LeaseStore {
  readonly unlocking = 'npx exactly-once-aws unlock';
  readonly #options: LeaseStoreOptions;
  readonly now: () => number;

  /**
   * @throws InvalidSettings when the table name is empty or the retention is not a positive whole number of seconds.
   */
  constructor(options: LeaseStoreOptions) {
    const problems = [];
    if (!options.tableName) problems.push('tableName of the dedup table is empty');
    if (!Number.isSafeInteger(options.retentionSeconds) || options.retentionSeconds <= 0)
      problems.push(`retentionSeconds must be a positive whole number, got ${options.retentionSeconds}`);
    if (problems.length > 0) throw new InvalidSettings(problems);
    this.#options = options;
    this.now = options.now ?? Date.now;
  }

  /**
   * The row as it is now (strongly consistent), undefined when there is none. @throws DependencyFailed when it cannot
   * be read.
   */
  async read(id: string): Promise<LeaseRow | undefined> {
    const { client, tableName: TableName } = this.#options;
    const { Item } = await send(
      client,
      new GetItemCommand({ TableName, Key: { id: { S: id } }, ConsistentRead: true }),
      { deadline: Infinity, meter: new Meter() },
      'read',
    );
    return Item && readLease(Item);
  }

  /**
   * Claims the row: a new one, or over the one that was seen, as long as it is still as it was.
   *
   * @returns the lease, or the row that is in the way.
   * @throws CommitFailed when the outcome of the write is not known.
   */
  async claim(draft: LeaseDraft, over?: { row: LeaseRow; inDoubt: boolean }): Promise<Lease | LeaseRow> {
    const now = this.now();
    const sentAt = performance.now();
    const fence = randomUUID();
    const endsAt = now + draft.durationMs;
    const inDoubt = over?.inDoubt ?? false;
    // After a call that may have acted, the same call again; where nothing happened, what is asked for now.
    const args = inDoubt ? (over?.row.args ?? draft.args) : draft.args;
    const found = await this.#update(
      draft.id,
      over === undefined ? leaseAbsent() : leaseAsSeen(over.row),
      {
        v: { N: String(rowVersion) },
        status: { S: 'INPROGRESS' satisfies LeaseStatus },
        fence: { S: fence },
        in_progress_expiration: { N: String(endsAt) },
        firstCallAt: { N: String(inDoubt ? over?.row.firstCallAt : now) },
        expiration: this.#expiration(),
        args: args === undefined ? undefined : { S: args },
        validation: draft.validation === undefined ? undefined : { S: draft.validation },
      },
      ['data', 'result', 'lost', 'reason', 'attention', 'since'],
    );
    // The answer was lost and the SDK sent it again: the row that is in the way is our own (R12).
    if (found === undefined || found?.fence === fence)
      return { id: draft.id, fence, endsAt, sentAt, args, inDoubt };
    // Gone in between (TTL): a new row then.
    return found ?? this.claim(draft);
  }

  /**
   * Writes the outcome down. Whether the lease is past its end does not matter, only whether it is still the
   * caller's.
   *
   * @returns false when it is not.
   * @throws CommitFailed when the outcome of the write is not known.
   * @throws UnserialisableValue when the result holds what DynamoDB cannot; nothing is written.
   */
  async complete({ id, fence }: Lease, result: unknown): Promise<boolean> {
    return this.#completed(id, fence, this.#resultAttributes(result));
  }

  /** See the port. The row gets the `attention` and `since` of the table's sparse index. */
  async completeWithout({ id, fence }: Lease, consumerName: string, reason: string): Promise<boolean> {
    return this.#completed(id, fence, { lost: { S: shortly(reason) }, ...this.#attention(consumerName) });
  }

  async #completed(id: string, fence: string, outcome: Attributes): Promise<boolean> {
    const set = { ...status('COMPLETED'), expiration: this.#expiration(), ...outcome };
    const found = await this.#update(id, leaseOwned(fence), set, ['args']);
    return found === undefined || (found?.fence === fence && found.status === 'COMPLETED');
  }

  /**
   * Nothing happened: anybody may claim it. Not even Powertools' own layer has to wait. @returns false when it is not
   * the caller's.
   */
  async free({ id, fence }: Lease): Promise<boolean> {
    // Not deleted: consumers have no permission to delete, and need none.
    const expiration = { N: String(Math.floor(this.now() / 1000) - 1) };
    const found = await this.#update(id, leaseOwned(fence), { ...status('FREE'), expiration }, []);
    return found === undefined || (found?.fence === fence && found.status === 'FREE');
  }

  /** Nobody knows what happened. @returns false when the lease is not the caller's. */
  async unknown({ id, fence }: Lease, reason: string): Promise<boolean> {
    const set = { ...status('UNKNOWN'), reason: { S: shortly(reason) } };
    const found = await this.#update(id, leaseOwned(fence), set, []);
    return found === undefined || (found?.fence === fence && found.status === 'UNKNOWN');
  }

  /** Prolongs the lease from now on. @returns it, or undefined when it is not the caller's. */
  async renew(lease: Lease, durationMs: number): Promise<Lease | undefined> {
    const endsAt = this.now() + durationMs;
    const sentAt = performance.now();
    const set = { in_progress_expiration: { N: String(endsAt) }, expiration: this.#expiration() };
    const found = await this.#update(lease.id, leaseOwned(lease.fence), set, []);
    return found === undefined ? { ...lease, endsAt, sentAt } : undefined;
  }

  /**
   * Lists a row whose effect must wait for a person: it gets the `attention` and `since` of the table's sparse index.
   * It gets a new fence as well, so that an owner who is still alive after all is refused.
   *
   * @returns false when the row is no longer as it was seen.
   */
  async block(row: LeaseRow, consumerName: string, reason: string): Promise<boolean> {
    const set = {
      v: { N: String(rowVersion) },
      ...status('UNKNOWN'),
      fence: { S: randomUUID() },
      reason: { S: shortly(reason) },
      in_progress_expiration: { N: String(row.endsAt) },
      ...this.#attention(consumerName),
    };
    return (await this.#update(row.id, leaseAsSeen(row), set, [])) === undefined;
  }

  /**
   * A person's word on an effect whose outcome was unknown. @returns false when the row is no longer as it was seen.
   */
  async unlock(
    row: LeaseRow,
    outcome: { kind: 'done'; result: unknown } | { kind: 'not-done' },
    reason: string,
  ): Promise<boolean> {
    const said = {
      fence: { S: randomUUID() },
      in_progress_expiration: { N: String(row.endsAt) },
      reason: { S: reason },
      unlockedAt: { S: new Date(this.now()).toISOString() },
    };
    const set =
      outcome.kind === 'done'
        ? {
            ...said,
            ...status('COMPLETED'),
            expiration: this.#expiration(),
            ...this.#resultAttributes(outcome.result),
          }
        : { ...said, ...status('FREE') };
    return (await this.#update(row.id, leaseAsSeen(row), set, ['attention', 'since', 'lost'])) === undefined;
  }

  #attention(consumerName: string): Attributes {
    return {
      attention: { S: effectsOf(consumerName) },
      since: { S: new Date(this.now()).toISOString() },
    };
  }

  /** @throws UnserialisableValue with the path, for what no text can give again, and for what is too large. */
  #resultAttributes(result: unknown): Attributes {
    if (result === undefined) return {};
    const text = valueText(result);
    const bytes = Buffer.byteLength(text);
    if (bytes > maxResultBytes)
      throw new UnserialisableValue('$', `it has ${bytes} bytes, and a lease keeps ${maxResultBytes}`);
    return {
      ...(this.#options.forPowertools && bytes < maxResultBytes / 3 && nativeAttribute(result)),
      result: { S: text },
    };
  }

  #expiration(): AttributeValue {
    return { N: String(Math.floor(this.now() / 1000) + this.#options.retentionSeconds) };
  }

  /** @returns undefined when it was written, else the row that failed the condition, null when there is none. */
  async #update(
    id: string,
    condition: Condition,
    set: Attributes,
    remove: readonly string[],
  ): Promise<LeaseRow | null | undefined> {
    const answer = await conditionalUpdate(this.#options, { id, condition, set, remove });
    if (answer.written) return undefined;
    return answer.row === undefined ? null : readLease(answer.row);
  }
}

/** Undefined where DynamoDB cannot hold it. */
function nativeAttribute(result: unknown): Attributes | undefined {
  try {
    return resultAttribute(result);
  } catch {
    return undefined;
  }
}

/** A reason that fits into the row, whatever an error has to say. */
function shortly(reason: string): string {
  return briefly(reason, 1024);
}

/** An item has 400 KB; what else is in a row of a lease needs little. */
const maxResultBytes = 380 * 1024;

function status(value: LeaseStatus): Attributes {
  return { status: { S: value } };
}
