import { sleep } from '../../dedup/sleep.js';
import {
  called,
  closed,
  type ClientConsumer,
  type ClientError,
  type ClientProducer,
  type PartitionOffset,
} from './client-port.js';
import { canBeCut, withoutValue } from './dead-letter.js';
import { clientError, codes, isFatalError, isFencing, isRefusedRecord } from './error-codes.js';
import { KafkaFailed, ProcessorFenced } from './errors.js';
import type { Sending } from './message.js';

/** How long one call may wait, in milliseconds; what is retriable is called again. */
const callMs = 5_000;
/** After so long without an answer to a commit the process must end: only the next one learns its outcome. */
const commitOutcomeMs = 60_000;

/**
 * The transactions of one transactional id, one at a time.
 *
 * A producer does not outlive an aborted one. What librdkafka had sent, was not answered and has in its queue to be
 * sent once more, it drops then, and gives its sequence numbers to the next records. A broker that has those of
 * before takes the new ones for copies of them and says yes: a commit without them. The next producer begins with an
 * epoch of its own, in which every number is new (test/kafka/processor/lost-answers).
 *
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-360%3A+Improve+reliability+of+idempotent%2Ftransactional+producer
 */
export class Transactions {
  readonly #connect: () => Promise<ClientProducer>;
  readonly #transactionalId: string;
  #current: ClientProducer | undefined;
  #fatal: ClientError | undefined;
  #refusal: ClientError | undefined;

  /** @param connect makes another producer of this transactional id */
  constructor(connect: () => Promise<ClientProducer>, transactionalId: string) {
    this.#connect = connect;
    this.#transactionalId = transactionalId;
  }

  /** Why a topic did not take a record of the last transaction, as far as it is known. */
  get refusal(): ClientError | undefined {
    return this.#refusal;
  }

  /**
   * Ends what an earlier producer left open under this id, so that it holds read_committed readers back no longer,
   * and fences that one.
   *
   * @throws KafkaFailed, ProcessorFenced
   */
  async init(): Promise<void> {
    const producer = await this.#connect();
    this.#current = producer;
    // Fatal errors also come by themselves, while nothing is called. Those of an earlier producer say nothing.
    producer.on('event.error', (error) => {
      if (producer === this.#current && (isFatalError(error) || isFencing(error))) this.#fatal ??= error;
    });
    producer.on('delivery-report', (error) => {
      if (error && isRefusedRecord(error)) this.#refusal ??= error;
    });
    await this.#persistently('initTransactions', (done) => producer.initTransactions(callMs, done));
  }

  begin(): Promise<void> {
    this.#refusal = undefined;
    return this.#call('beginTransaction', (done) => this.#producer.beginTransaction(done));
  }

  /**
   * @returns a promise only when there is something to be waited for
   * @throws KafkaFailed when the client refuses the record, also as a rejection
   */
  send(sending: Sending): Promise<void> | undefined {
    const { topic, partition, value, key, timestamp, headers } = sending;
    try {
      this.#producer.produce(topic, partition, value, key, timestamp, undefined, headers);
      return undefined;
    } catch (error) {
      const code = clientError(error)?.code;
      if (code === codes.messageTooLarge && sending.isLetter === true && canBeCut(sending))
        return this.send(withoutValue(sending));
      if (code !== codes.queueFull) throw this.#failed('produce', error);
      return sleep(5).then(() => this.send(sending));
    }
  }

  /** Waits until what was sent is written. @throws KafkaFailed */
  flush(): Promise<void> {
    return this.#call('flush', (done) => this.#producer.flush(callMs, done));
  }

  /** Offsets with the group's metadata (KIP-447): refused when the group has gone on without this member. */
  sendOffsets(offsets: readonly PartitionOffset[], consumer: ClientConsumer): Promise<void> {
    return this.#call('sendOffsetsToTransaction', (done) =>
      this.#producer.sendOffsetsToTransaction(offsets, consumer, callMs, done),
    );
  }

  /** @throws ProcessorFenced also when the outcome stays unknown: the process must not go on either way */
  async commit(): Promise<void> {
    try {
      await this.#persistently('commitTransaction', (done) => this.#producer.commitTransaction(callMs, done));
    } catch (error) {
      // An abort after a commit that may have happened would give the messages back.
      if (error instanceof KafkaFailed && isRetriable(error.cause))
        throw new ProcessorFenced(this.#transactionalId, { cause: error.cause });
      throw error;
    }
  }

  /** The next transaction is another producer's. @throws KafkaFailed, ProcessorFenced */
  async abort(): Promise<void> {
    await this.abandon();
    await this.close();
    await this.init();
  }

  /** Aborts the last one. @throws KafkaFailed, ProcessorFenced */
  abandon(): Promise<void> {
    return this.#persistently('abortTransaction', (done) => this.#producer.abortTransaction(callMs, done));
  }

  /** Never throws. */
  async close(): Promise<void> {
    const last = this.#current;
    this.#current = undefined;
    if (last !== undefined) await closed(last);
  }

  get #producer(): ClientProducer {
    if (this.#current === undefined)
      throw new KafkaFailed('send', { cause: new Error('there is no producer') });
    return this.#current;
  }

  /** Calls again while the client says that this is how to go on: it remembers what it was doing. */
  async #persistently(operation: string, call: Parameters<typeof called>[0]): Promise<void> {
    const until = performance.now() + commitOutcomeMs;
    for (;;)
      try {
        await this.#call(operation, call);
        return;
      } catch (error) {
        if (!(error instanceof KafkaFailed) || !isRetriable(error.cause) || performance.now() > until)
          throw error;
        await sleep(100);
      }
  }

  async #call(operation: string, call: Parameters<typeof called>[0]): Promise<void> {
    if (this.#fatal !== undefined) throw this.#failed(operation, this.#fatal);
    await called(call).catch((error: unknown) => {
      throw this.#failed(operation, error);
    });
  }

  #failed(operation: string, cause: unknown): Error {
    return isFencing(cause) || isFatalError(cause)
      ? new ProcessorFenced(this.#transactionalId, { cause })
      : new KafkaFailed(operation, { cause });
  }
}

function isRetriable(error: unknown): boolean {
  return clientError(error)?.isRetriable === true;
}
