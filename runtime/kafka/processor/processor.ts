import { sleep } from '../../dedup/sleep.js';
import { tell } from '../../telemetry/tell.js';
import { Assignment } from './assignment.js';
import { Batch } from './batch.js';
import { closeClients, connectClients, connectProducer, type Clients } from './clients.js';
import { Destinations } from './destinations.js';
import { isFatalError } from './error-codes.js';
import { KafkaFailed, ProcessorFenced } from './errors.js';
import { Incarnations } from './incarnations.js';
import type { Lane } from './lane.js';
import { loadClient } from './load-client.js';
import { checkedSettings, type KafkaProcessorOptions, type ProcessorSettings } from './options.js';
import { Reader } from './reader.js';
import { Rebalances, type Rebalance } from './rebalances.js';
import { takeSlot } from './slot.js';
import { Transactions } from './transactions.js';
import { work, type WorkParts } from './work.js';

/** librdkafka's own default of `message.max.bytes`. */
const defaultMaxBytes = 1_000_000;
const drainPollMs = 5;
/** How long one look for records may take while a commit is under way. */
const duringCommitMs = 5;

export interface KafkaProcessor {
  /**
   * Processes until `stop` is called. Resolves when everything handled is committed and the group is left.
   *
   * @throws what ended it: PackageMissing, SlotsTaken, SlotLost, DestinationMissing (of the dead-letter topic),
   *   OffsetMissing, TopicRecreated, PoisonRecord, ProcessorFenced, TransactionsFailing, KafkaFailed. Nothing
   *   uncommitted is visible; the process should end, and a new one may start.
   */
  run(): Promise<void>;
  /** Finishes what is in work (within `drainMs`), commits it and ends `run`. May be called more than once. */
  stop(): void;
}

/**
 * Reads topics, calls the handler per record and writes what it sends, together with the offsets, in Kafka's
 * transactions: a reader with `isolation.level=read_committed` sees the result of every record exactly once. Holds
 * for what is sent by `tx`, not for other effects of the handler, which runs again after a crash.
 *
 * @throws InvalidSettings with everything that is wrong with the options
 */
export function kafkaProcessor(options: KafkaProcessorOptions): KafkaProcessor {
  return new Processor(checkedSettings(options));
}

class Processor implements KafkaProcessor {
  readonly #settings: ProcessorSettings;
  #isStopping = false;
  /** Why it must end, found beside its loop. */
  #failure: { readonly error: unknown } | undefined;

  constructor(settings: ProcessorSettings) {
    this.#settings = settings;
  }

  stop(): void {
    this.#isStopping = true;
  }

  async run(): Promise<void> {
    const { consumerName, slot, topics, client = loadClient } = this.#settings;
    const module = await client();
    const fail = (error: unknown) => void (this.#failure ??= { error });
    const taken = await takeSlot(consumerName, slot, fail);
    const transactionalId = `${consumerName}-${taken.number}`;
    const rebalances = new Rebalances();
    try {
      const clients = await connectClients(module, this.#settings, rebalances.callback);
      const connect = () => connectProducer(module, this.#settings, transactionalId);
      const transactions = new Transactions(connect, transactionalId);
      clients.consumer.on('event.error', (error) => {
        if (isFatalError(error)) fail(new KafkaFailed('consume', { cause: error }));
      });
      try {
        await transactions.init();
        tell(this.#settings.observe, { kind: 'started', transactionalId });
        clients.consumer.subscribe(topics);
        await this.#process(new Turn(this.#settings, clients, transactions, rebalances, fail));
      } finally {
        rebalances.close(clients.consumer);
        await transactions.close();
        await closeClients(clients);
      }
    } finally {
      await taken.free();
      tell(this.#settings.observe, { kind: 'stopped' });
    }
  }

  async #process(turn: Turn): Promise<void> {
    try {
      await turn.begin();
      while (!this.#isStopping) {
        if (this.#failure !== undefined) throw this.#failure.error;
        await turn.take();
      }
      await turn.drain();
    } catch (error) {
      await turn.giveUp(error);
      throw error;
    }
  }
}

/** One member of the group between its start and its end: takes turns of reading, working and committing. */
class Turn {
  readonly #settings: ProcessorSettings;
  readonly #clients: Clients;
  readonly #rebalances: Rebalances;
  readonly #assignment: Assignment;
  readonly #reader: Reader;
  readonly #batch: Batch;
  readonly #incarnations: Incarnations;
  readonly #work: WorkParts;
  #lanes: readonly Lane[] = [];

  constructor(
    settings: ProcessorSettings,
    clients: Clients,
    transactions: Transactions,
    rebalances: Rebalances,
    fail: (error: unknown) => void,
  ) {
    const { consumer, asker, admin } = clients;
    const incarnations = new Incarnations(admin);
    this.#settings = settings;
    this.#clients = clients;
    this.#rebalances = rebalances;
    this.#incarnations = incarnations;
    this.#assignment = new Assignment({ consumer, admin, incarnations }, settings);
    this.#reader = new Reader({ consumer, assignment: this.#assignment, incarnations, settings });
    const destinations = new Destinations(asker);
    this.#batch = new Batch({ transactions, incarnations, destinations, consumer, settings });
    const maxRecordBytes = Number(settings.kafka['message.max.bytes'] ?? defaultMaxBytes);
    this.#work = { settings, destinations, maxRecordBytes, end: fail };
  }

  /**
   * A topic that is not there has no partition to be assigned, and no lag: nobody would ever say that nothing is read
   * of it. A missing dead-letter topic would be found out with the first letter.
   *
   * @throws OffsetMissing, DestinationMissing, KafkaFailed
   */
  async begin(): Promise<void> {
    const { consumerName, topics, deadLetterTopic: topic } = this.#settings;
    await this.#incarnations.readAll(consumerName, topics);
    if (topic !== undefined) await this.#work.destinations.assertThere([{ topic, partition: null }]);
  }

  async take(): Promise<void> {
    for (let next = this.#rebalances.next(); next !== undefined; next = this.#rebalances.next())
      await this.#rebalance(next);
    await this.#read(this.#batch.dueInMs);
    await this.#fill();
    if (this.#batch.isDue(this.#lanes)) await this.#readDuring(this.#commit());
    if (await this.#reader.lookAfter(this.#lanes)) await this.#batch.commitReached(this.#lanes);
  }

  /** What is handled is committed; what only waits is read again by whoever gets its partition. */
  async drain(): Promise<void> {
    const until = performance.now() + this.#settings.drainMs;
    for (const lane of this.#lanes) lane.leaveWaiting();
    while (this.#lanes.some(({ busy }) => busy) && performance.now() < until) await sleep(drainPollMs);
    do {
      await this.#fill();
      await this.#commit();
    } while (this.#lanes.some(({ handled }) => handled.length > 0));
    await this.#batch.commitReached(this.#lanes);
    this.#dropLanes();
  }

  async giveUp(error: unknown): Promise<void> {
    this.#dropLanes();
    if (!(error instanceof ProcessorFenced)) await this.#batch.giveUp();
  }

  async #read(patienceMs: number | undefined): Promise<void> {
    await this.#reader.read(this.#lanes, patienceMs);
    for (const lane of this.#lanes) void work(lane, this.#work);
    // Handlers that need not wait are done after this.
    await new Promise(setImmediate);
  }

  /**
   * A commit waits for the brokers several times, and meanwhile what the next transaction will hold is read and
   * handled. Nothing of that is sent before the commit is over.
   */
  async #readDuring(commit: Promise<void>): Promise<void> {
    let isOver = false;
    const going = () => !isOver;
    const over = commit.finally(() => (isOver = true));
    // When reading fails first, this is still waited for.
    over.catch(() => undefined);
    try {
      while (going()) await this.#read(duringCommitMs);
    } finally {
      await over;
    }
  }

  async #fill(): Promise<void> {
    if (!(await this.#batch.fill(this.#lanes))) this.#dropLanes();
  }

  async #commit(): Promise<void> {
    // What it has is others' by now: the rebalance that says so may come later.
    if (!(await this.#batch.commit(this.#lanes))) this.#dropLanes();
  }

  async #rebalance({ kind, partitions }: Rebalance): Promise<void> {
    const { consumer } = this.#clients;
    // The offsets of the open transaction are still this member's to commit.
    await this.#fill();
    await this.#commit();
    this.#dropLanes();
    if (kind === 'revoke') {
      tell(this.#settings.observe, { kind: 'revoked', partitions });
      consumer.unassign();
      return;
    }
    const begun = await this.#assignment.begin(partitions);
    await this.#batch.commitStarts(begun.filter(({ isNew }) => isNew).map(({ lane }) => lane));
    this.#lanes = begun.map(({ lane }) => lane);
    const assigned = this.#lanes.map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    consumer.assign(assigned);
    tell(this.#settings.observe, { kind: 'assigned', partitions: assigned });
  }

  #dropLanes(): void {
    for (const lane of this.#lanes) lane.closed = true;
    this.#lanes = [];
  }
}
