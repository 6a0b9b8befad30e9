import { rowAbsent } from './commit-conditions.js';
import type { Effect, Once } from '../dedup/effect.js';
import { InvalidSettings, ItemWrittenTwice, NotItsTurn, TransactionTooLarge } from '../dedup/error.js';
import type { Enqueuer, Publication, Publisher } from './publication.js';
import type { ItemReader } from './read-item.js';
import type { Read } from './read.js';
import { Session } from './session.js';
import { addressOf, type Row, type Table } from './table.js';
import {
  assertExpressible,
  conditionOf,
  putOf,
  summed,
  updateOf,
  type Change,
  type Write,
  type WriteCondition,
} from './write.js';

/** DynamoDB: at most 100 actions in one TransactWriteItems; one of them is the receipt. */
export const maxActions = 100;

/**
 * What a handler fills: its writes, committed in one step with the proof that its message was processed. Nothing is
 * sent before the handler has returned, and nothing at all when it throws. Every method checks its input at once and
 * throws InvalidWrite, {@link ItemWrittenTwice} or {@link TransactionTooLarge} in the handler, never later.
 * When the handler has returned it is sealed: every call throws {@link TransactionSealed}, and a read that was not
 * awaited fails the message with it.
 *
 * Costs 2 write units per item of up to 1 KB (DynamoDB's price of a transactional write), the receipt included.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export class Transaction {
  readonly #session = new Session();
  readonly #writes = new Map<string, Write>();
  readonly #reads = new Map<string, Read>();
  readonly #publications: Publication[] = [];
  readonly #effects = new Set<string>();
  #once: Once | undefined;
  #ahead = false;
  readonly #read: ItemReader | undefined;

  /** @param read what `get` reads with. `DynamoStore.transaction` gives one. */
  constructor(read?: ItemReader) {
    this.#read = read;
  }

  /**
   * Reads attributes of one item as it is stored now; writes of this transaction do not show. Undefined when there is
   * no such item. The row is frozen; integers beyond 2^53 are bigint.
   *
   * Guaranteed: the transaction commits only if each of these attributes is as it was returned (and those not
   * returned still absent). Where one has changed, nothing is written and the handler runs again. Nothing is promised
   * about attributes that were not asked for, nor about reads by any other client: `tx.get` is the only read that a
   * handler should decide upon (R13).
   *
   * A read that fails fails the message, whatever the handler makes of it: it comes again, and nothing is counted
   * against it (R44).
   *
   * Costs 1 read unit per 4 KB of the item and one round trip; and 2 write units at the commit where the transaction
   * does not write the item anyway. An item that many messages read and many change makes them run one after another:
   * an increment with `add` does not.
   *
   * @throws DependencyFailed when it could not be read.
   * @throws InvalidWrite for `__proto__`, which the AWS SDK cannot read, and for so many attributes that no condition
   *   could name them.
   * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
   */
  async get<Attribute extends string>(
    table: Table,
    key: Row,
    attributes: readonly Attribute[],
  ): Promise<Readonly<Partial<Record<Attribute, unknown>>> | undefined> {
    if (this.#read === undefined)
      throw new InvalidSettings(['this transaction cannot read; make it with DynamoStore.transaction']);
    const read = this.#read;
    return this.#session.track('get', async () => {
      const { readOf } = await import('./reads.js');
      const address = addressOf(table, key);
      const { seen, row } = await readOf(
        table,
        address,
        attributes,
        read,
        () => this.#reads.get(address.id)?.seen,
      );
      this.#reads.set(address.id, { address, seen });
      this.#assertFits();
      return row;
    });
  }

  /**
   * Publishes an event: its row in the outbox becomes durable with this transaction, or not at all.
   *
   * The event hangs on an aggregate, by whose name it is numbered 1, 2, 3, ... without gaps: its row is the record of
   * its version, put on condition that nobody has given that version (R29). The aggregate's own item is neither read
   * nor written: it may be deleted and made again, and publish to several outboxes. All transactions that publish for
   * one aggregate happen one after another: never hang events on one that everybody shares (a shop, a tenant).
   *
   * Costs 2 write units per event of up to 1 KB with its names. One round trip when this instance has published for
   * the aggregate last. Otherwise two: 1.5 read units when it does not know the version, a cancelled transaction when
   * another instance has published meanwhile.
   *
   * @throws InvalidWrite when the event cannot be stored; {@link TransactionTooLarge}. A commit under an epoch that
   *   has ended fails with {@link EpochEnded}.
   */
  publish<Event>(outbox: Publisher<Event>, event: Event): void {
    this.#session.assertOpen('publish');
    this.#publications.push(outbox.publication(event));
    this.#assertFits();
  }

  /**
   * Enqueues a job with this transaction, or not at all: `jobPublisher` of exactly-once-aws/jobs says what is
   * guaranteed, and what it costs. Await it.
   */
  async enqueue<Job>(jobs: Enqueuer<Job, Transaction>, job: Job): Promise<void> {
    await jobs.enqueueIn(this, job);
  }

  /**
   * Makes an effect that no transaction can hold (a mail, a card charge), once: see {@link Once}. It is made now,
   * before the commit; when the handler runs again its outcome is returned instead.
   *
   * @param name tells the effects of one message apart.
   * @throws InvalidSettings when the consumer was not given `leases`; EffectRepeated for a second effect of the same
   *   name in one run; LeaseHeld, OutcomeUnknown, EffectBlocked,
   *   LeaseLost: let them pass.
   */
  async once<Args, Result>(name: string, effect: Effect<Args, Result>): Promise<Result> {
    if (this.#once === undefined)
      throw new InvalidSettings([
        'tx.once needs leases: give `leases: leases()` of exactly-once-aws/lease to the consumer',
      ]);
    const once = this.#once;
    const isRepeated = this.#effects.has(name);
    this.#effects.add(name);
    return this.#session.track('once', async () => {
      if (isRepeated) throw new (await import('../dedup/effect-repeated.js')).EffectRepeated(name);
      if (this.#ahead)
        throw new NotItsTurn(
          `effect '${name}' has to wait until the earlier messages of its group are committed`,
        );
      return once(name, effect);
    });
  }

  /** @internal The consumer says whose message it is, and whether it is its turn, before its handler runs. */
  lease(once: Once | undefined, ahead = false): void {
    this.#once = once;
    this.#ahead = ahead;
  }

  /** @internal Whether the handler has read the store or made an effect. */
  get looked(): boolean {
    return this.#session.looked;
  }

  /** @internal The handler has returned. Throws what makes its run void: see `Session.seal`. */
  seal(): void {
    this.#session.seal();
  }

  /** @internal The handler has thrown. Returns what to hold against the message. */
  close(thrown: unknown): unknown {
    return this.#session.close(thrown);
  }

  /**
   * @internal Whether everything that was read is still as it was returned. @throws DependencyFailed when that cannot
   * be read.
   */
  async stillStands(): Promise<boolean> {
    const read = this.#read;
    if (read === undefined) return true;
    const { stillStand } = await import('./reads.js');
    return stillStand([...this.#reads.values()], read);
  }

  /** Writes the whole item, replacing one that is there. */
  put(table: Table, item: Row, condition?: WriteCondition): void {
    this.#join('put', () => putOf(table, item, conditionOf(table, condition)));
  }

  /** Writes a new item; one that is there already fails the commit with {@link ConditionFailed}. */
  insert(table: Table, item: Row): void {
    this.#join('insert', () => putOf(table, item, rowAbsent(table.partitionKey)));
  }

  /**
   * Changes attributes of an item, creating it when it is not there. `add` alone may be called again: it is summed.
   */
  update(table: Table, key: Row, change: Change): void {
    this.#join('update', () => updateOf(table, key, change));
  }

  /** Deletes an item; none there is fine unless the condition says otherwise. */
  delete(table: Table, key: Row, condition?: WriteCondition): void {
    this.#join('delete', () => ({
      kind: 'delete',
      address: addressOf(table, key),
      condition: conditionOf(table, condition),
    }));
  }

  /** Commits only if the condition holds on an item that this message does not write. */
  check(table: Table, key: Row, condition: WriteCondition): void {
    this.#join('check', () => ({
      kind: 'check',
      address: addressOf(table, key),
      condition: conditionOf(table, condition),
    }));
  }

  /** The writes so far, in the order of their first mention, with what was read. */
  get writes(): readonly Write[] {
    const writes = new Map(this.#writes);
    for (const [id, { address, seen }] of this.#reads)
      writes.set(id, { ...(writes.get(id) ?? { kind: 'check', address }), seen });
    return [...writes.values()];
  }

  /** The events so far, in their order. */
  get publications(): readonly Publication[] {
    return this.#publications;
  }

  #join(method: string, make: () => Write): void {
    this.#session.assertOpen(method);
    const write = make();
    const { id, tableName } = write.address;
    const before = this.#writes.get(id);
    const joined = before === undefined ? write : summed(before, write);
    if (joined === undefined) throw new ItemWrittenTwice(tableName, id);
    assertExpressible(joined);
    this.#writes.set(id, joined);
    this.#assertFits();
  }

  #assertFits(): void {
    const actions = this.#items + this.#publications.length + 1;
    if (actions > maxActions) throw new TransactionTooLarge('actions', actions, maxActions);
  }

  get #items(): number {
    let items = this.#writes.size;
    for (const id of this.#reads.keys()) if (!this.#writes.has(id)) items += 1;
    return items;
  }
}
