import { sleep } from '../../dedup/sleep.js';
import { Assignment } from './assignment.js';
import { called, type ClientMessage } from './client-port.js';
import { closeClients, connectClients, type Clients } from './clients.js';
import { processorCrashPoint } from './crash-points.js';
import { clientError, codes, isFatalError, isOutOfGroup } from './error-codes.js';
import { KafkaFailed, OffsetMissing, ProcessorFenced, TransactionsFailing } from './errors.js';
import { Incarnations, incarnationText } from './incarnations.js';
import type { Lane } from './lane.js';
import { loadClient } from './load-client.js';
import { checkedSettings, type KafkaProcessorOptions, type ProcessorSettings } from './options.js';
import { Rebalances, type Rebalance } from './rebalances.js';
import { takeSlot, type Slot } from './slot.js';
import { Transactions } from './transactions.js';
import { observe, work } from './work.js';

/** How long one look for records may take, in milliseconds. */
const pollMs = 100;
/** While a handler runs, so that what it sends does not wait. */
const busyPollMs = 5;
/** Records of one look at most. */
const maxPolled = 1_000;
/** How often topics and offsets are looked after while nothing is committed. */
const lookAfterMs = 5_000;
/** Kafka's answers that no waiting mends: not authorised for the topic, for the group. */
const refused: readonly (number | undefined)[] = [29, 30];
const unknownTopic = 3;
const defaultMaxBytes = 1_000_000;

export interface KafkaProcessor {
  /**
   * Processes until `stop` is called. Resolves when everything handled is committed and the group is left.
   *
   * @throws what ended it; nothing uncommitted is visible, and a new process may start
   */
  run(): Promise<void>;
  /** Finishes what is in work (within `drainMs`), commits it and ends `run`. May be called more than once. */
  stop(): void;
}

/**
 * Reads topics, calls the handler per record and writes what it sends, together with the offsets, in Kafka's
 * transactions: a reader with `isolation.level=read_committed` sees the result of every record exactly once. Holds for
 * what is sent by `tx`, not for other effects of the handler, which runs again after a crash.
 *
 * @throws InvalidSettings with everything that is wrong with the options
 */
export function kafkaProcessor(options: KafkaProcessorOptions): KafkaProcessor {
  return new Processor(checkedSettings(options));
}

class Processor implements KafkaProcessor {
  readonly #settings: ProcessorSettings;
  readonly #maxRecordBytes: number;
  readonly #rebalances = new Rebalances();
  #clients!: Clients;
  #transactions!: Transactions;
  #assignment!: Assignment;
  #incarnations!: Incarnations;
  #lanes: Lane[] = [];
  #stopping = false;
  /** Why it must end; set from outside the loop. */
  #failure: { readonly error: unknown } | undefined;
  /** By `performance.now()`. Undefined: no transaction is open. */
  #openedAt: number | undefined;
  #sent = 0;
  #aborts = 0;
  #lookedAfterAt = 0;

  constructor(settings: ProcessorSettings) {
    this.#settings = settings;
    this.#maxRecordBytes = Number(settings.kafka['message.max.bytes'] ?? defaultMaxBytes);
  }

  stop(): void {
    this.#stopping = true;
  }

  async run(): Promise<void> {
    const { consumerName, slot, topics, client = loadClient } = this.#settings;
    const module = await client();
    const taken = await takeSlot(consumerName, slot, (error) => (this.#failure ??= { error }));
    const transactionalId = `${consumerName}-${taken.number}`;
    try {
      this.#clients = await connectClients(
        module,
        this.#settings,
        transactionalId,
        this.#rebalances.callback,
      );
    } catch (error) {
      await taken.free();
      throw error;
    }
    const { consumer, producer, admin } = this.#clients;
    this.#transactions = new Transactions(producer, transactionalId);
    this.#incarnations = new Incarnations(admin);
    this.#assignment = new Assignment(
      { consumer, admin, incarnations: this.#incarnations },
      this.#settings,
    );
    consumer.on('event.error', (error) => {
      if (isFatalError(error)) this.#failure ??= { error: new KafkaFailed('consume', { cause: error }) };
    });
    try {
      await this.#transactions.init();
      observe(this.#settings, { kind: 'started', transactionalId });
      consumer.subscribe(topics);
      while (!this.#stopping) await this.#round();
      await this.#drain();
    } catch (error) {
      // Readers need not wait for the transaction's time to be over.
      if (this.#openedAt !== undefined && !(error instanceof ProcessorFenced))
        await this.#transactions.abort().catch(() => undefined);
      throw error;
    } finally {
      await this.#close(taken);
    }
  }

  async #round(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    for (let next = this.#rebalances.next(); next !== undefined; next = this.#rebalances.next())
      await this.#rebalance(next);
    this.#regulate();
    for (const message of await this.#consume()) this.#laneOf(message)?.take(message);
    this.#startWork();
    // Handlers that need not wait are done after this.
    await new Promise(setImmediate);
    await this.#send();
    if (this.#isDue()) await this.#commit();
    await this.#lookAfter();
  }

  #laneOf({ topic, partition }: ClientMessage): Lane | undefined {
    return this.#lanes.find((lane) => lane.partition === partition && lane.topic === topic);
  }

  #startWork(): void {
    for (const lane of this.#lanes)
      void work(lane, this.#settings, this.#maxRecordBytes, (error) => (this.#failure ??= { error }));
  }

  /** Fetches nothing for a partition that waits after a failure, and for none while too much waits here. */
  #regulate(): void {
    const queued = this.#lanes.reduce((sum, { waiting, handled }) => sum + waiting.length + handled.length, 0);
    const isFull = queued >= 2 * this.#settings.maxBatch;
    for (const lane of this.#lanes) {
      const pause = isFull || lane.tries > 0;
      if (pause === lane.paused) continue;
      this.#clients.consumer[pause ? 'pause' : 'resume']([lane]);
      lane.paused = pause;
    }
  }

  async #consume(): Promise<ClientMessage[]> {
    const { consumer } = this.#clients;
    consumer.setDefaultConsumeTimeout(this.#patience());
    try {
      return await called((done) => consumer.consume(Math.min(maxPolled, this.#settings.maxBatch), done));
    } catch (error) {
      await this.#readFailed(error);
      return [];
    }
  }

  /** @throws what no waiting mends */
  async #readFailed(error: unknown): Promise<void> {
    const code = clientError(error)?.code;
    if (code === codes.autoOffsetReset || code === codes.offsetOutOfRange) {
      await this.#assignment.assertStillThere(this.#lanes);
      throw new OffsetMissing(
        this.#settings.consumerName,
        this.#settings.topics.join(', '),
        undefined,
        'the broker does not have the offset that was to be read next',
      );
    }
    if (isFatalError(error) || refused.includes(code)) throw new KafkaFailed('consume', { cause: error });
    // A topic that is just deleted looks like this.
    if (code === unknownTopic) this.#lookedAfterAt = 0;
    await sleep(busyPollMs);
  }

  /** Milliseconds until there is something else to do than to wait for records. */
  #patience(): number {
    const now = performance.now();
    const times = this.#lanes.map(({ busy, handled, waiting, retryAt }) => {
      if (handled.length > 0) return 1;
      if (busy) return busyPollMs;
      return waiting.length > 0 ? retryAt - now : pollMs;
    });
    if (this.#openedAt !== undefined) times.push(this.#openedAt + this.#settings.commitIntervalMs - now);
    return Math.max(1, Math.ceil(Math.min(pollMs, ...times)));
  }

  /** Moves what was handled into the transaction. */
  async #send(): Promise<void> {
    try {
      for (const lane of this.#lanes)
        for (let next = lane.handled[0]; next !== undefined; next = lane.handled[0]) {
          if (this.#inTransaction() >= this.#settings.maxBatch) return;
          if (this.#openedAt === undefined) await this.#begin();
          for (const sending of next.sendings) await this.#transactions.send(sending);
          this.#sent += next.sendings.length;
          lane.handled.shift();
          lane.inTransaction.push(next);
        }
    } catch (error) {
      await this.#abort(error);
    }
  }

  #inTransaction(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.inTransaction.length, 0);
  }

  async #begin(): Promise<void> {
    await processorCrashPoint('before-begin');
    await this.#transactions.begin();
    this.#openedAt = performance.now();
    this.#sent = 0;
  }

  #isDue(): boolean {
    const { commitIntervalMs, maxBatch } = this.#settings;
    if (this.#openedAt === undefined) return false;
    return performance.now() - this.#openedAt >= commitIntervalMs || this.#inTransaction() >= maxBatch;
  }

  async #commit(): Promise<void> {
    if (this.#openedAt === undefined) return;
    const began = this.#openedAt;
    const lanes = this.#lanes.filter(({ inTransaction }) => inTransaction.length > 0);
    const messages = this.#inTransaction();
    try {
      await processorCrashPoint('after-produce');
      await this.#sendOffsets(lanes);
      await processorCrashPoint('after-offsets');
      await this.#transactions.commit();
    } catch (error) {
      return this.#abort(error);
    }
    this.#openedAt = undefined;
    this.#aborts = 0;
    for (const lane of lanes) lane.settle();
    await processorCrashPoint('after-transaction');
    const ms = Math.round(performance.now() - began);
    observe(this.#settings, { kind: 'committed', messages, sent: this.#sent, ms });
  }

  /** The check of the topics costs no time of its own: it runs beside the offsets. */
  async #sendOffsets(lanes: readonly Lane[]): Promise<void> {
    const offsets = lanes.map(({ topic, partition, offset, incarnation }) => ({
      topic,
      partition,
      offset,
      metadata: incarnationText(incarnation),
    }));
    const known = new Map(lanes.map(({ topic, incarnation }) => [topic, incarnation.id]));
    const done = await Promise.allSettled([
      this.#incarnations.assertUnchanged(known),
      this.#transactions.sendOffsets(offsets, this.#clients.consumer),
    ]);
    this.#lookedAfterAt = performance.now();
    for (const one of done) if (one.status === 'rejected') throw one.reason;
  }

  /** @throws what cannot be mended by doing it again */
  async #abort(error: unknown): Promise<void> {
    if (error instanceof ProcessorFenced) throw error;
    const messages = this.#inTransaction();
    if (this.#openedAt !== undefined) await this.#transactions.abort();
    this.#openedAt = undefined;
    for (const lane of this.#lanes) lane.giveBack();
    // What it has is others' by now: the rebalance that says so may come later.
    if (error instanceof KafkaFailed && isOutOfGroup(error.cause)) this.#dropLanes();
    this.#aborts += 1;
    observe(this.#settings, { kind: 'aborted', messages, inARow: this.#aborts, error });
    if (!(error instanceof KafkaFailed)) throw error;
    if (this.#aborts >= this.#settings.maxAborts) throw new TransactionsFailing(this.#aborts, { cause: error.cause });
    await sleep(Math.min(5_000, 50 * 2 ** this.#aborts));
  }

  async #rebalance({ kind, partitions }: Rebalance): Promise<void> {
    const { consumer } = this.#clients;
    // The offsets of the open transaction are still this member's to commit.
    await this.#send();
    await this.#commit();
    this.#dropLanes();
    if (kind === 'revoke') {
      observe(this.#settings, { kind: 'revoked', partitions });
      consumer.unassign();
      return;
    }
    const begun = await this.#assignment.begin(partitions);
    await this.#commitStarts(begun.filter(({ isNew }) => isNew).map(({ lane }) => lane));
    this.#lanes = begun.map(({ lane }) => lane);
    const assigned = this.#lanes.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    consumer.assign(assigned);
    observe(this.#settings, { kind: 'assigned', partitions: assigned });
  }

  #dropLanes(): void {
    for (const lane of this.#lanes) lane.closed = true;
    this.#lanes = [];
  }

  /** Where a partition begins is decided once: "latest" must not move while nothing has come. */
  async #commitStarts(lanes: readonly Lane[]): Promise<void> {
    if (lanes.length === 0) return;
    await this.#transactions.begin();
    try {
      await this.#sendOffsets(lanes);
      await this.#transactions.commit();
    } catch (error) {
      if (error instanceof ProcessorFenced) throw error;
      await this.#transactions.abort();
      // The group went on without this member, which will be told so; or the broker did not answer.
      if (!(error instanceof KafkaFailed)) throw error;
      observe(this.#settings, { kind: 'aborted', messages: 0, inARow: 1, error });
    }
  }

  /** A recreated topic and overtaking retention are found although nothing comes. */
  async #lookAfter(): Promise<void> {
    if (performance.now() - this.#lookedAfterAt < lookAfterMs) return;
    this.#lookedAfterAt = performance.now();
    const known = new Map(this.#lanes.map(({ topic, incarnation }) => [topic, incarnation.id]));
    try {
      if (known.size > 0) await this.#incarnations.assertUnchanged(known);
      await this.#assignment.assertStillThere(this.#lanes);
    } catch (error) {
      // A broker that does not answer is not a missing offset.
      if (!(error instanceof KafkaFailed)) throw error;
    }
  }

  /** What is handled is committed; what only waits is read again by whoever gets its partition. */
  async #drain(): Promise<void> {
    const until = performance.now() + this.#settings.drainMs;
    for (const lane of this.#lanes) lane.waiting.splice(lane.busy ? 1 : 0);
    while (this.#lanes.some(({ busy }) => busy) && performance.now() < until) await sleep(busyPollMs);
    do {
      await this.#send();
      await this.#commit();
    } while (this.#lanes.some(({ handled }) => handled.length > 0));
  }

  async #close(slot: Slot): Promise<void> {
    this.#dropLanes();
    this.#rebalances.close(this.#clients.consumer);
    await closeClients(this.#clients);
    await slot.free();
    observe(this.#settings, { kind: 'stopped' });
  }
}
