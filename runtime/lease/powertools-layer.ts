import { AsyncLocalStorage } from 'node:async_hooks';
import type { JSONValue } from '@aws-lambda-powertools/commons/types';
import { IdempotencyItemNotFoundError } from '@aws-lambda-powertools/idempotency';
import { BasePersistenceLayer, type IdempotencyRecord } from '@aws-lambda-powertools/idempotency/persistence';
import type { BasePersistenceLayerOptions } from '@aws-lambda-powertools/idempotency/types';
import { crashPoint } from '../dedup/crash-points.js';
import type { EffectCall, LeaseTimes, OnUnknown } from '../dedup/effect.js';
import { EffectRepeated, InvalidSettings, LeaseHeld, LeaseLost, ResultLost } from '../dedup/errors.js';
import { assertConsumerName } from '../dedup/identity.js';
import type { LeaseRules } from '../dedup/lease-decision.js';
import type { LeaseDraft, LeaseRow, LeaseStore } from '../dedup/lease-store.js';
import { timerMs } from '../dedup/timer-ms.js';
import { DynamoLeaseStore, type LeaseStoreOptions } from '../dynamodb/lease-store.js';
import { acquire } from './acquire.js';
import { ClaimBook } from './claim-book.js';
import { downstreamKey } from './downstream-key.js';
import { logLeaseEvent, reporter, type LeaseObserver } from './lease-event.js';
import { leaseRules } from './lease-rules.js';
import { Ownership } from './ownership.js';
import { completed, exists, recordOf } from './powertools-record.js';

export interface LeasePersistenceLayerOptions extends LeaseTimes {
  readonly client: LeaseStoreOptions['client'];
  /** A table of Powertools' own DynamoDB layer (partition key `id`), or a dedup table of this package. */
  readonly tableName: string;
  /**
   * Who processes: what keys begin with where no `keyPrefix` is given. Powertools begins them with the function's
   * name; to go on with rows that it wrote, give that name, and keep it when the function is renamed.
   */
  readonly consumerName: string;
  /** How long outcomes are kept, in seconds: the horizon or longer (R8). `expiresAfterSeconds` is not looked at. */
  readonly retentionSeconds: number;
  /**
   * What a call does whose predecessor threw or disappeared. Arguments are not stored and replayed here: Powertools
   * calls your function with what has come. A look-up is given Powertools' key.
   */
  readonly onUnknown: OnUnknown<string, JSONValue>;
  /** @default 60 */
  readonly maxClockSkewSeconds?: number;
  /**
   * How long a call that finds another at work waits for its result, in milliseconds. One with the very payload (the
   * same object, or an equal text) of a call that is at work in this process does not wait: it is refused. @default 0
   */
  readonly waitMs?: number;
  /** @default - one JSON line per event on stdout */
  readonly observe?: LeaseObserver;
  /** Epoch milliseconds, for tests. @default - the clock of this machine */
  readonly now?: () => number;
}

/** One call of a function that Powertools protects. */
interface Claim {
  readonly key: string;
  readonly payloadHash: string | undefined;
  readonly own: Ownership;
  readonly signal: AbortSignal;
  nothingHappened: boolean;
  /** Names of the effects whose keys were asked for. */
  readonly effects: Set<string>;
}

/** What `saveInProgress` and `_putRecord` tell each other. */
interface Claiming {
  own?: Ownership;
  payloadHash?: string;
}

/** Lambda's longest run: the lease of a call whose context is not registered. */
const longestRunMs = 15 * 60_000;

/**
 * A persistence layer for Powertools' idempotency utility: give it as `persistenceStore` to `makeIdempotent`, the
 * decorator or the Middy middleware. Same table and attributes as Powertools' own layer.
 *
 * Guarantees, where Powertools' own layer does not: a throw of your function leaves the outcome unknown and
 * `onUnknown` decides, its row is not deleted; an owner that lost its lease can neither complete nor delete; the key
 * is fixed when the call begins, whatever the function does to its event; a result that cannot be kept is never
 * replayed as `undefined`; a missing key is refused; a completed row
 * counts for as long as it is there. The lease is the time left of the invocation, and a takeover waits
 * `maxClockSkewSeconds` longer.
 *
 * A function that returned nothing is replayed as `null`, as Lambda answers: for `undefined` Middy would run the
 * handler once more.
 *
 * Does not guarantee: anything when POWERTOOLS_IDEMPOTENCY_DISABLED is set, which keeps Powertools from asking the
 * layer; nor around a durable function, which Powertools runs at a replay without a claim: LeaseLost is thrown at its
 * end.
 *
 * Refusals reach you as Powertools' errors: IdempotencyAlreadyInProgressError for a live lease,
 * IdempotencyPersistenceLayerError with EffectBlocked or LeaseLost as its `cause`.
 */
export class LeasePersistenceLayer extends BasePersistenceLayer {
  readonly #options: LeasePersistenceLayerOptions;
  readonly #store: LeaseStore;
  readonly #claims = new ClaimBook<Claim>();
  /** Of payloads whose claim is under way: it rejects where it is refused. */
  readonly #starting = new ClaimBook<{ readonly key: string; readonly begun: Promise<void> }>();
  readonly #claiming = new AsyncLocalStorage<Claiming>();

  /** @throws InvalidSettings when a setting is missing or out of range. */
  constructor(options: LeasePersistenceLayerOptions) {
    super();
    assertConsumerName(options.consumerName);
    this.#options = options;
    this.#store = new DynamoLeaseStore({ ...options, forPowertools: true });
    this.#rules(undefined);
  }

  /** Called by Powertools before every call. Sets `throwOnNoIdempotencyKey` on the config. */
  override configure(options: BasePersistenceLayerOptions): void {
    // Without a key a call is not protected, which Powertools lets pass with a warning.
    options.config.throwOnNoIdempotencyKey = true;
    super.configure(options);
    if (!options.keyPrefix?.trim()) this.idempotencyKeyPrefix = this.#options.consumerName;
  }

  override getExpiresAfterSeconds(): number {
    return this.#options.retentionSeconds;
  }

  /**
   * What a running call gives the other side.
   *
   * @param payload the very object that Powertools takes the key from: your handler's event.
   * @param effectName tells several effects of one call apart: ask once for each, also where it is tried again.
   * @throws EffectRepeated when the name was asked for before: the other side would drop the second effect.
   * @throws LeaseLost when no call with this payload is running.
   */
  effectCall(payload: unknown, effectName: string): EffectCall {
    const claim = this.#claims.get(payload);
    if (claim === undefined) throw new LeaseLost('unknown payload', 'renewal');
    if (claim.effects.has(effectName)) throw new EffectRepeated(effectName);
    claim.effects.add(effectName);
    const idempotencyKey = downstreamKey(this.#options.consumerName, claim.key, effectName);
    return { idempotencyKey, signal: claim.signal };
  }

  /**
   * Say so before you throw, when your function has certainly made nothing: the key is then free at once. Powertools
   * does not show the layer what was thrown, so EffectNotStarted has no meaning here.
   */
  nothingHappened(payload: unknown): void {
    const claim = this.#claims.get(payload);
    if (claim !== undefined) claim.nothingHappened = true;
  }

  override async saveInProgress(data: JSONValue, remainingTimeInMillis?: number): Promise<void> {
    const key = this.getHashedIdempotencyKey(data);
    // Whoever runs in this very process has certainly not died. And what it says later could not be told from what
    // the second says.
    const starting = this.#starting.get(data);
    const taken = this.#claims.get(data)?.key ?? starting?.key;
    if (taken !== undefined && taken !== key)
      throw new InvalidSettings([
        'two functions share one layer and one payload; give each a layer of its own',
      ]);
    // Both ask for one row: what the first is refused with is the second's answer, too.
    if (starting !== undefined) await starting.begun;
    if (taken !== undefined) throw exists(key);
    const claiming: Claiming = {};
    const begun = this.#claiming.run(claiming, () =>
      super.saveInProgress(data, remainingTimeInMillis ?? longestRunMs),
    );
    this.#starting.open(data, { key, begun });
    try {
      await begun;
    } finally {
      this.#starting.close(data);
    }
    const { own, payloadHash } = claiming;
    if (own === undefined)
      throw new InvalidSettings(['Powertools did not put a record; its version does not fit']);
    const signal = AbortSignal.timeout(timerMs(own.leftMs));
    this.#claims.open(data, { key, payloadHash, own, signal, nothingHappened: false, effects: new Set() });
    await crashPoint('lease-claimed');
  }

  override async saveSuccess(data: JSONValue, result: JSONValue): Promise<void> {
    await crashPoint('effect-done');
    const claim = this.#claims.close(data);
    if (claim === undefined) throw new LeaseLost('unknown payload', 'completion');
    // As it is kept: the caller may go on to change the object that it was given.
    const kept = await claim.own.complete(result);
    await crashPoint('lease-completed');
    const record = completed(claim.key, kept, claim.payloadHash);
    // Powertools' way into its local cache.
    this.processExistingRecord(record, record);
  }

  override async deleteRecord(data: JSONValue): Promise<void> {
    const claim = this.#claims.close(data);
    // The Middy middleware deletes also when its own claim was refused: what is there belongs to somebody else.
    if (claim === undefined) return;
    if (claim.nothingHappened) await claim.own.giveBack();
    else await claim.own.outcomeUnknown('the function threw');
  }

  protected override async _putRecord(record: IdempotencyRecord): Promise<void> {
    const { consumerName, onUnknown, waitMs = 0 } = this.#options;
    const { idempotencyKey: id, inProgressExpiryTimestamp } = record;
    const rules = this.#rules(inProgressExpiryTimestamp);
    const validation = this.isPayloadValidationEnabled() ? record.payloadHash : undefined;
    const draft: LeaseDraft = { id, durationMs: rules.durationMs, validation };
    const report = reporter(this.#options.observe ?? logLeaseEvent, {
      consumerName,
      effect: 'powertools',
      key: id,
    });
    const facts = { consumerName, rules, report };
    // Powertools compares the hashes of what it is shown, and says so in its own words.
    const reused = (row: LeaseRow) => exists(row);
    try {
      const acquired = await acquire(this.#store, draft, { ...facts, waitMs, reused });
      if (acquired.kind === 'completed') throw exists(acquired.row);
      const own = new Ownership(this.#store, acquired.lease, facts);
      if (own.inDoubt && onUnknown !== 'block' && 'reconcile' in onUnknown) {
        const idempotencyKey = downstreamKey(consumerName, id, 'reconcile');
        const signal = AbortSignal.timeout(timerMs(own.leftMs));
        const found = await own.reconcile(onUnknown.reconcile, id, { idempotencyKey, signal });
        if (found !== undefined) throw await this.#taken(id);
      }
      await own.assertInTime();
      const claiming = this.#claiming.getStore();
      if (claiming !== undefined) Object.assign(claiming, { own, payloadHash: record.payloadHash });
    } catch (error) {
      if (error instanceof LeaseHeld) throw await this.#taken(id);
      throw error;
    }
  }

  protected override async _getRecord(idempotencyKey: string): Promise<IdempotencyRecord> {
    const row = await this.#read(idempotencyKey);
    if (row === undefined) throw new IdempotencyItemNotFoundError();
    return recordOf(row);
  }

  /** What to throw for a key that somebody else has, who may have completed it since that was seen. */
  async #taken(id: string): Promise<Error> {
    return exists((await this.#read(id)) ?? id);
  }

  async #read(id: string): Promise<LeaseRow | undefined> {
    const row = await this.#store.read(id);
    if (row?.lost !== undefined) throw new ResultLost(id, row.lost, this.#store.unlocking);
    return row;
  }

  /** `saveSuccess` completes by the claim, never by a key that is computed anew. */
  protected override _updateRecord({ idempotencyKey }: IdempotencyRecord): Promise<void> {
    return Promise.reject(new LeaseLost(idempotencyKey, 'completion'));
  }

  /** See `_updateRecord`. */
  protected override _deleteRecord({ idempotencyKey }: IdempotencyRecord): Promise<void> {
    return Promise.reject(new LeaseLost(idempotencyKey, 'release'));
  }

  #rules(endsAt: number | undefined): LeaseRules {
    const { leaseSeconds, maxEffectDelaySeconds, maxClockSkewSeconds, onUnknown } = this.#options;
    const now = Date.now();
    const durationMs = leaseSeconds === undefined ? Math.max(0, (endsAt ?? now) - now) : leaseSeconds * 1000;
    return leaseRules({ durationMs, maxEffectDelaySeconds, maxClockSkewSeconds, onUnknown });
  }
}
