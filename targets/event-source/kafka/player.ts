import { setTimeout as sleep } from 'node:timers/promises';
import type { LambdaClient } from '@aws-sdk/client-lambda';
import { MappingInvalidError } from '../errors.js';
import { invoke, type InvocationResult } from '../invoke.js';
import type { Invocation, InvocationHooks } from '../poller.js';
import type { BatchOutcome, BatchWork, DiscardedRecords } from './batch.js';
import type { LogRecord, TopicLog } from './log.js';
import type { KafkaMapping } from './mapping.js';
import { assigned, KafkaPoller } from './poller.js';
import { toEvent } from './record.js';

/** Opens a topic of the cluster of a mapping, by name: where its records are, and where given-up ones go. */
export type OpenTopic = (topic: string, mapping: KafkaMapping) => Promise<TopicLog>;

export interface KafkaPlayerOptions {
  readonly lambda: LambdaClient;
  readonly openTopic: OpenTopic;
  readonly hooks: InvocationHooks;
  readonly now: () => number;
  readonly comesAgain: BatchWork['comesAgain'];
}

const topicScheme = 'kafka://';

/** Plays one mapping of a topic: its pollers side by side, each with partitions of its own. */
export class KafkaPlayer {
  #pollers: readonly KafkaPoller[] = [];
  #stopping = false;
  #running = 0;
  #quietFrom = Date.now();
  /** What to call when the invocation with these records has ended. */
  readonly #ends = new Map<readonly LogRecord[], { started: number; end?: (ended: Invocation) => void }>();
  /** How many have been started. */
  invocations = 0;

  readonly #mapping: KafkaMapping;
  readonly #options: KafkaPlayerOptions;
  readonly #failures: TopicLog | undefined;

  private constructor(mapping: KafkaMapping, options: KafkaPlayerOptions, failures: TopicLog | undefined) {
    this.#mapping = mapping;
    this.#options = options;
    this.#failures = failures;
  }

  /**
   * Takes its place in every partition, now.
   *
   * @throws MappingInvalidError for a destination that is not played: all but a topic of the cluster
   */
  static async open(mapping: KafkaMapping, options: KafkaPlayerOptions): Promise<KafkaPlayer> {
    const { onFailure } = mapping;
    if (onFailure !== undefined && !onFailure.startsWith(topicScheme))
      throw new MappingInvalidError(mapping.uuid, [
        `an on-failure destination '${onFailure}', of which this runner plays topics of the cluster only`,
      ]);
    const failures = onFailure && (await options.openTopic(onFailure.slice(topicScheme.length), mapping));
    const log = await options.openTopic(mapping.topic, mapping);
    const player = new KafkaPlayer(mapping, options, failures || undefined);
    const parts = assigned(await log.partitions(), mapping);
    player.#pollers = parts.map((some) => new KafkaPoller(mapping, log, some, player.#workOf()));
    for (const poller of player.#pollers) await poller.open();
    return player;
  }

  /** Milliseconds since an invocation ended. 0 while a batch is collected or in flight. */
  get quietMs(): number {
    const busy = this.#running > 0 || this.#pollers.some((poller) => poller.busy);
    return busy ? 0 : Date.now() - this.#quietFrom;
  }

  async empty(): Promise<boolean> {
    return (await Promise.all(this.#pollers.map((poller) => poller.empty()))).every(Boolean);
  }

  async run(): Promise<void> {
    await Promise.all(this.#pollers.map((poller) => poller.run()));
  }

  stop(): void {
    this.#stopping = true;
  }

  #workOf(): BatchWork {
    return {
      invoke: (records) => this.#invoke(records),
      discard: (discarded) => this.#discard(discarded),
      ended: (...ended) => this.#ended(...ended),
      pause: sleep,
      now: this.#options.now,
      stopping: () => this.#stopping,
      comesAgain: this.#options.comesAgain,
    };
  }

  async #invoke(records: readonly LogRecord[]): Promise<InvocationResult> {
    const { functionName, functionArn } = this.#mapping;
    this.invocations += 1;
    this.#running += 1;
    try {
      const end = this.#options.hooks.onKafkaStart?.({ functionName, records });
      this.#ends.set(records, { started: performance.now(), end });
      return await invoke(this.#options.lambda, functionArn, toEvent(this.#mapping, records), 0);
    } finally {
      this.#running -= 1;
      this.#quietFrom = Date.now();
    }
  }

  #ended(
    records: readonly LogRecord[],
    { logTail }: InvocationResult,
    { failed, error }: BatchOutcome,
  ): void {
    const { clusterArn, bootstrapServers, topic, functionName } = this.#mapping;
    const { started = performance.now(), end } = this.#ends.get(records) ?? {};
    this.#ends.delete(records);
    const invocation: Invocation = {
      functionName,
      sourceArn: `${clusterArn ?? bootstrapServers}/${topic}`,
      records: records.length,
      durationMs: performance.now() - started,
      outcome: failed === 0 ? 'ok' : failed < records.length ? 'partial' : 'error',
      failed,
      ...(error !== undefined && { functionError: error }),
      logTail,
    };
    end?.(invocation);
    this.#options.hooks.onInvocation?.(invocation);
  }

  /** The records themselves, and why: https://docs.aws.amazon.com/lambda/latest/dg/kafka-on-failure-destination.html */
  async #discard({ records, condition }: DiscardedRecords): Promise<void> {
    for (const { key, value, headers } of records)
      await this.#failures?.append({
        key,
        value,
        headers: [...headers, ['condition', Buffer.from(condition)]],
      });
  }
}
