import { sleep } from '../../dedup/sleep.js';
import { tell } from '../../telemetry/tell.js';
import type { ClientConsumer } from './client-port.js';
import { processorCrashPoint } from './crash-points.js';
import { canBeCut, withoutValue } from './dead-letter.js';
import type { Destinations } from './destinations.js';
import { clientError, isOutOfGroup, isRefusedRecord } from './error-codes.js';
import { KafkaFailed, ProcessorFenced, RecordRefused, TransactionsFailing } from './errors.js';
import { incarnationText, type Incarnations } from './incarnations.js';
import type { Lane } from './lane.js';
import type { ProcessorSettings } from './options.js';
import type { Transactions } from './transactions.js';
import { givenUp } from './work.js';

export interface BatchParts {
  readonly transactions: Transactions;
  readonly incarnations: Incarnations;
  readonly destinations: Destinations;
  readonly consumer: ClientConsumer;
  readonly settings: ProcessorSettings;
}

/** What is committed together: the messages of one transaction, what they send, and their offsets. */
export class Batch {
  readonly #parts: BatchParts;
  /** By `performance.now()`. Undefined: no transaction is open. */
  #openedAt: number | undefined;
  #sent = 0;
  /** In a row; those that narrow down whose record is refused not among them. */
  #aborts = 0;
  #narrowings = 0;
  /** Messages of one transaction: fewer while one is looked for whose record its topic refuses. */
  #most: number;

  constructor(parts: BatchParts) {
    this.#parts = parts;
    this.#most = parts.settings.maxBatch;
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  /** Milliseconds until it is to be committed. Undefined: nothing is open. */
  get dueInMs(): number | undefined {
    return this.#openedAt === undefined
      ? undefined
      : this.#openedAt + this.#parts.settings.commitIntervalMs - performance.now();
  }

  isDue(lanes: readonly Lane[]): boolean {
    const { dueInMs } = this;
    return dueInMs !== undefined && (dueInMs <= 0 || messagesIn(lanes) >= this.#most);
  }

  /**
   * Moves what was handled into the transaction, as much as one may hold.
   *
   * @returns whether the lanes are still this member's
   */
  async fill(lanes: readonly Lane[]): Promise<boolean> {
    const { transactions } = this.#parts;
    try {
      let messages = messagesIn(lanes);
      for (const lane of lanes) {
        const taken = Math.min(lane.handled.length, this.#most - messages);
        if (taken <= 0) continue;
        if (this.#openedAt === undefined) await this.#begin();
        messages += taken;
        for (const { sendings } of lane.enter(taken)) {
          for (const sending of sendings) {
            const room = transactions.send(sending);
            if (room !== undefined) await room;
          }
          this.#sent += sendings.length;
        }
      }
      return true;
    } catch (error) {
      return this.#abort(lanes, error);
    }
  }

  /**
   * Commits what is open. An aborted transaction gives its messages back to their lanes.
   *
   * @returns whether the lanes are still this member's
   * @throws ProcessorFenced, TopicRecreated, TransactionsFailing
   */
  async commit(lanes: readonly Lane[]): Promise<boolean> {
    if (this.#openedAt === undefined) return true;
    const began = this.#openedAt;
    // Reading goes on meanwhile: what is committed is what was sent.
    const places = placesOf(lanes);
    const messages = messagesIn(lanes);
    try {
      // The broker takes records once the transaction before is wound up. The client asks it every 20 ms for records,
      // but only every 500 ms for offsets.
      if (this.#sent > 0) await this.#parts.transactions.flush();
      await processorCrashPoint('after-produce');
      await this.#sendOffsets(places);
      await processorCrashPoint('after-offsets');
      await this.#parts.transactions.commit();
    } catch (error) {
      return this.#abort(lanes, error);
    }
    this.#openedAt = undefined;
    this.#aborts = 0;
    this.#narrowings = 0;
    this.#most = Math.min(2 * this.#most, this.#parts.settings.maxBatch);
    settle(places);
    await processorCrashPoint('after-transaction');
    const ms = Math.round(performance.now() - began);
    tell(this.#parts.settings.observe, { kind: 'committed', messages, sent: this.#sent, ms });
    return true;
  }

  /**
   * Commits where lanes begin: "latest" must not move while nothing has come. So nothing is read before that is done,
   * unless the group has gone on without this member, which then commits nothing of them and is told so.
   *
   * @throws ProcessorFenced, TopicRecreated, TransactionsFailing
   */
  async commitStarts(lanes: readonly Lane[]): Promise<void> {
    const { maxAborts } = this.#parts.settings;
    for (let failed = 1; ; failed += 1) {
      const error = await this.#commitOffsets(lanes.map((lane) => ({ lane, offset: lane.offset })));
      if (error === undefined || isOutOfGroup(error.cause)) return;
      if (failed >= maxAborts) throw new TransactionsFailing(failed, { cause: error.cause });
      await sleep(pauseMs(failed));
    }
  }

  /**
   * Commits how far lanes have come on which there was nothing to be handled: marks of transactions, and what was
   * aborted. Where a transaction is open it does so.
   *
   * @throws ProcessorFenced, TopicRecreated
   */
  async commitReached(lanes: readonly Lane[]): Promise<void> {
    if (!this.isOpen) await this.#commitOffsets(placesOf(lanes));
  }

  /** @returns why it did not come to that: the broker did not answer, or the group went on without this member */
  async #commitOffsets(places: readonly Place[]): Promise<KafkaFailed | undefined> {
    if (places.length === 0) return undefined;
    const { transactions, settings } = this.#parts;
    await transactions.begin();
    try {
      await this.#sendOffsets(places);
      await transactions.commit();
      settle(places);
      return undefined;
    } catch (error) {
      if (error instanceof ProcessorFenced) throw error;
      await transactions.abort();
      if (!(error instanceof KafkaFailed)) throw error;
      tell(settings.observe, { kind: 'aborted', messages: 0, inARow: 1, error });
      return error;
    }
  }

  /** Readers need not wait until the transaction's time is over. Never throws. */
  async giveUp(): Promise<void> {
    if (this.#openedAt !== undefined) await this.#parts.transactions.abandon().catch(() => undefined);
  }

  async #begin(): Promise<void> {
    await processorCrashPoint('before-begin');
    await this.#parts.transactions.begin();
    this.#openedAt = performance.now();
    this.#sent = 0;
  }

  /** The check of the topics costs no time of its own: it runs beside the offsets. */
  async #sendOffsets(places: readonly Place[]): Promise<void> {
    const { incarnations, transactions, consumer } = this.#parts;
    const offsets = places.map(({ lane: { topic, partition, incarnation }, offset }) => ({
      topic,
      partition,
      offset,
      metadata: incarnationText(incarnation),
    }));
    const done = await Promise.allSettled([
      incarnations.assertUnchanged(places.map(({ lane }) => lane)),
      transactions.sendOffsets(offsets, consumer),
    ]);
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }

  /** @throws what is not mended by doing it again */
  async #abort(lanes: readonly Lane[], error: unknown): Promise<boolean> {
    if (error instanceof ProcessorFenced) throw error;
    const { transactions, destinations, settings } = this.#parts;
    const messages = messagesIn(lanes);
    if (this.#openedAt !== undefined) await transactions.abort();
    this.#openedAt = undefined;
    destinations.forget();
    const isNarrowed = this.#narrow(lanes, error);
    for (const lane of lanes) lane.giveBack();
    if (isNarrowed) this.#narrowings += 1;
    else this.#aborts += 1;
    tell(settings.observe, { kind: 'aborted', messages, inARow: this.#aborts + this.#narrowings, error });
    if (!(error instanceof KafkaFailed)) throw error;
    if (isNarrowed) return true;
    if (this.#aborts >= settings.maxAborts)
      throw new TransactionsFailing(this.#aborts, { cause: error.cause });
    if (isOutOfGroup(error.cause)) return false;
    await sleep(pauseMs(this.#aborts));
    return true;
  }

  /**
   * A record that its topic takes from nobody fails the transaction of all that are in it. Each try has half of them,
   * until it is a message's own; the others go on, and that one is given up.
   *
   * @returns whether the next try is another one
   * @throws PoisonRecord
   */
  #narrow(lanes: readonly Lane[], error: unknown): boolean {
    const refusal = this.#parts.transactions.refusal ?? refusalOf(error);
    const messages = messagesIn(lanes);
    if (refusal === undefined || messages === 0) return false;
    if (messages > 1) {
      this.#most = Math.ceil(messages / 2);
      return true;
    }
    const lane = lanes.find(({ inTransaction }) => inTransaction.length > 0);
    const [only] = lane?.inTransaction ?? [];
    if (lane === undefined || only === undefined) return false;
    const [letter] = only.sendings.filter(({ isLetter = false }) => isLetter);
    if (letter !== undefined && !canBeCut(letter)) return false;
    const cause = new RecordRefused({ cause: refusal });
    lane.replace(
      letter === undefined
        ? givenUp(lane, only.message, this.#parts.settings, 1, cause)
        : [withoutValue(letter)],
    );
    return true;
  }
}

/** How long to wait after so many transactions in a row that were aborted. */
function pauseMs(aborts: number): number {
  return Math.min(5_000, 50 * 2 ** aborts);
}

/** Up to where a lane is committed. */
interface Place {
  readonly lane: Lane;
  readonly offset: number;
}

/** Of lanes that have come further than what is committed. */
function placesOf(lanes: readonly Lane[]): Place[] {
  return lanes
    .map((lane) => ({ lane, offset: lane.offset }))
    .filter(({ lane, offset }) => offset > lane.committed);
}

function settle(places: readonly Place[]): void {
  for (const { lane, offset } of places) lane.settle(offset);
}

function refusalOf(error: unknown): unknown {
  const { cause } = error as Error;
  return isRefusedRecord(cause) ? clientError(cause) : undefined;
}

function messagesIn(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { inTransaction }) => sum + inTransaction.length, 0);
}
